# SPDX-License-Identifier: Apache-2.0
# The program without a subcommand.
t
t --help
t help
t help convert
t generat
t frobnicate
t help frobnicate
t --version | sed 's/[0-9.]*[0-9]$/VERSION/; s/exit VERSION/exit 0/'
