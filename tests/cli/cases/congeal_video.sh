# SPDX-License-Identifier: Apache-2.0
# What is drawn once goes to the frames of a video that is read.
t generate --network data/stylegan/sg2-32.pkl --seeds 0-3 --outdir in --quiet
how="--network data/gangealing/stn.pt --overlay data/gangealing/overlay.png --quiet"
"$ATELIER" congeal propagate $how --input in --output film.y4m --opacity 0 --fps 10
t congeal propagate --network data/gangealing/stn.pt --overlay data/gangealing/overlay.png --input film.y4m \
    --outdir drawn --output again.y4m
ls drawn
head -n 1 again.y4m # as many frames per second
"$ATELIER" congeal propagate $how --input film.y4m --outdir plain --opacity 0
"$ATELIER" congeal propagate $how --input plain --outdir once
cmp drawn/frame000002.png once/frame000002.png && echo as of pictures
cmp -s drawn/frame000002.png plain/frame000002.png || echo drawn on
t congeal propagate $how --input in film.y4m
echo 'no film' >no.mp4
t congeal propagate $how --input no.mp4
t congeal propagate $how --input nowhere.mp4
