# SPDX-License-Identifier: Apache-2.0
# Which detectors there are, where they are looked for, and what of that is here.
export HOME=$PWD/home XDG_DATA_HOME='' ATELIER_DETECTORS=''
unset http_proxy https_proxy
list() { # OPTIONS: without the folders' names
    t detectors "$@" | sed "s|$PWD|HERE|g"
}
list
mkdir -p shared/atelier/detectors own given home/.local/share/atelier/detectors
head -c 6009 /dev/zero >shared/atelier/detectors/alex.pth
head -c 2097152 /dev/zero >own/vgg16.pt
touch given/celebahq-classifier-02-attractive.pkl given/celebahq-classifier-39-wearing-necktie.pkl
export XDG_DATA_HOME=$PWD/shared ATELIER_DETECTORS=$PWD/own
list --detectors given | grep -A 9 -E '^(vgg16|lpips-alex-heads|classifiers|Looked) ' |
    grep -vE 'squeeze|pkl|torchvision'
"$ATELIER" detectors --detectors given --json >list.json
grep -c '"name"' list.json
sed "s|$PWD|HERE|g" list.json | grep -B 1 -A 9 -E '"name": "(inception|vgg16|classifier-02-attractive)"'
t detectors --detectors nothing
t detectors --detectors list.json
t detectors --url http://127.0.0.1/x
t detectors --fetch inception,vgg16 --url http://127.0.0.1/x
t detectors --fetch classifiers --sha256 00
t detectors --fetch inception --sha256 00
t detectors inception
find . -name '*.part*'
