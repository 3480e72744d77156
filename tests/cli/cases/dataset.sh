# SPDX-License-Identifier: Apache-2.0
# Data sets from pictures that were recorded: made, checked, refused.
mkdir s
for name in chunk_beyond_file.png cmyk_adobe.jpg cut.png gray1.png gray16.png huge.png interlaced.png palette.png \
    palette_alpha.png progressive.jpg; do
    cp data/pictures/$name s/
done
t dataset --help
t dataset check --help
t dataset
t dataset --source s
t dataset --source nothing --dest d.zip
t dataset --source s --dest d.zip --resolution 8xq
t dataset --source s --dest d.zip --resolution 8x8 --width 8
t dataset --source s --dest d.zip --transform center-crop-wide
t dataset check s
t dataset --source s --dest d.zip --resolution 8x8 --color rgb --alpha white
ls
t dataset --source s --dest d.zip --resolution 8x8 --color rgb --alpha white --skip-bad
t dataset --source s --dest e.zip --resolution 8x8 --color rgb --alpha white --skip-bad --threads 1 --quiet
cmp d.zip e.zip && echo same bytes
t dataset --source d.zip --dest d.zip
t dataset --source s --dest d.tar.gz
cmp d.zip e.zip && echo as they were
echo No room on the disk:
(ulimit -f 0; t dataset --source d.zip --dest full --quiet) 2>&1 | sed "s,/[^:]*,/...,"
ls -d full*
t dataset check d.zip
mkdir -p c/one c/two
t dataset --source d.zip --dest f --max-images 2 --resolution 6x8
ls f f/00000
cp f/00000/img00000000.png c/one/a.png
cp f/00000/img00000001.png c/two/b.png
t dataset --source c --dest g --resolution 4x4 --resize-filter box --labels folders
cat g/dataset.json
echo
t dataset --source d.zip --dest f
t dataset check nothing
echo Places:
mkdir place
(cd place && t dataset --source ../c --dest . --resolution 4x4 --quiet)
find place | sort
t dataset --source c --dest new/folder/set --resolution 4x4 --quiet
t dataset --source c --dest new/one.zip --resolution 4x4 --quiet
find new | sort
t dataset --source c --dest place/
