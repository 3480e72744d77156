# SPDX-License-Identifier: Apache-2.0
# What the studio does beside pictures: edits, drags, photos, videos, trainings.
. "$(dirname "$case")/../studio.sh"
mkdir set
open_studio set
ask_studio work
close_studio
ls kept
