# SPDX-License-Identifier: Apache-2.0
# Files that are missing or are something else: exit status 1, one sentence, no result.
net=data/stylegan/sg2-32.pkl
short() { sed 's/\(^atelier: [^:]*: [^:;]*\).*/\1/'; }
t generate --network absent.pkl --seeds 0
t inspect absent.pkl
t convert absent.pkl out.safetensors
t replay absent.png
t generate --network $net --latents absent.npy
t generate --network . --seeds 0
: >empty.pkl
t generate --network empty.pkl --seeds 0 | short
t inspect data/pictures/gray1.png | short
t replay data/pictures/gray1.png
t replay data/pictures/cut.png
t replay data/pictures/text_after.png
t replay data/stylegan/sg2-32.pkl
: >file
t generate --network $net --seeds 0 --outdir file
t generate --network $net --seeds 0 --outdir file/below
t convert $net no/such/folder.safetensors
t generate --network $net --net D --seeds 0
ls
