# SPDX-License-Identifier: Apache-2.0
# atelier edit --photo: a picture that nobody aligned to an edited one, in one command; by a square and by landmarks.
export ATELIER_DETECTORS=$PWD/none XDG_DATA_HOME=$PWD HOME=$PWD
net=data/stylegan/sg2-32.pkl
"$ATELIER" generate --network $net --seeds 0-11 --grid 4x3 --outdir . --quiet
mv grid.png party.png
"$ATELIER" directions sefa --network $net --count 2 --out sefa.safetensors --quiet
one="--network $net --photo party.png --direction sefa.safetensors --steps 2 --photo-steps 6 --quiet"
t edit $one --photo-box 10,20,40 --outdir a --no-record
ls a a/party | grep -v mp4
head -1 a/party/project.jsonl | cut -c 1-10
t edit --network $net --projected-w a/party/projected_w.npz --onto a/party/party.json --direction sefa.safetensors \
    --steps 2 --outdir b --no-record --quiet
cmp a/onto-row00-01.png b/onto-row00-01.png && echo the same in steps
cp a/party/projected_w.npz kept.npz
t edit $one --photo-box 10,20,40 --photo-tune 4 --outdir a
cmp kept.npz a/party/projected_w.npz && echo found once
ls a/party | grep tuned
t edit $one --photo-box 30,20,40 --outdir a
cmp -s kept.npz a/party/projected_w.npz || echo another square is another search
ls a/party | grep tuned
{ for i in {0..67}; do case $i in
    3[6-9] | 4[01]) printf '40 40 ' ;; 4[2-7]) printf '60 40 ' ;; 48) printf '42 60 ' ;; 54) printf '58 60 ' ;;
    *) printf '50 50 ' ;;
esac; done; echo; } >face.txt
t edit $one --photo-landmarks face.txt --photo-space w --outdir c
ls c | grep onto
t edit $one --photo-box 10,20,40 --loss mse --outdir d
grep loss d/party/search.txt
t edit $one --photo-box 10,20,40 --loss lpips --outdir d 2>&1 | grep -o "vgg16.pt (pr, ppl) is not in"
echo === wrong
sed 's/^/other.png /' face.txt >others.txt
t edit $one --photo-landmarks others.txt --outdir no
t edit --network $net --seeds 1 --direction sefa.safetensors --loss mse
t edit $one --seeds 1
t edit --network $net --seeds 1 --direction sefa.safetensors --photo-tune 3
t edit $one --photo-box 1,2,3 --photo-landmarks face.txt
t edit $one --photo-box 1,2 --outdir no
t edit $one --onto a/party/party.json
t edit $one --photo-box 10,20,40 --photo-tune 4 --deltas kept.npz --outdir no
t edit --network $net --photo missing.png --photo-box 1,2,30 --direction sefa.safetensors --outdir no --quiet
