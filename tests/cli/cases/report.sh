# SPDX-License-Identifier: Apache-2.0
# Reports of runs: whole and broken, ours and the official trainers', with names that try to be markup.
stat() { printf '"%s": {"num": 1, "mean": %s, "std": 0.0}' "$1" "$2"; }
line() {
    echo "{$(stat Progress/kimg "$1"), $(stat Loss/G/loss "$2"), $(stat "Loss/<b>" 1), \"timestamp\": 1690000000.5}"
}
# the data of the page, in which '<' never stands
data() { sed -n 's/^<script type="application\/json" id="data">\(.*\)<\/script>$/\1/p' "$1/report.html"; }
t report --help
t report
t report nothing
t report data/pictures/cut.png
mkdir empty
t report empty
ls -A empty
odd='r<script>x'
mkdir "$odd"
{ line 0.0 1.5; echo '{"Loss/G/loss": {"nu'; line 4.0 NaN; echo '[1]'; line 8.0 0.25; } >"$odd/stats.jsonl"
echo '{"total_kimg": 8, "ada_target": 0.6, "training_set_kwargs": {"path": "a<!--.zip", "resolution": 4}}' \
    >"$odd/training_options.json"
printf 'first\nlast </script> \377\n' >"$odd/log.txt"
echo '{"results": {"fid50k_full": 12.5}, "snapshot_pkl": "network-snapshot-000004.pkl", "timestamp": 1690000000.0}' \
    >"$odd/metric-fid50k_full.jsonl"
cp data/pictures/gray1.png "$odd/reals.png"
cp data/pictures/palette_alpha.png "$odd/fakes_init.png"
cp data/pictures/interlaced.png "$odd/fakes000004.png"
cp data/pictures/cut.png "$odd/fakes000008.png"
t report "$odd"
ls -A "$odd" "$odd/.report"
data "$odd" | grep -c '<'
data "$odd" | grep -o '"\(name\|state\|kimg\|total_kimg\|ada_target\|log\|file\|path\)":[^{}]*' |
    sed 's/"src":.*//; s/"\(version\|written\)":[^,]*,//g'
data "$odd" | grep -o '"\(metrics\|alarms\)":.*,"pictures"' | sed 's/"curves".*"metrics"/"metrics"/'
data "$odd" | grep -o '"Loss/[^"]*":{[^}]*}'
grep -o '[a-z]*://[^" ]*' "$odd/report.html" # a name, not an address that is opened
mkdir linked elsewhere
cp "$odd"/stats.jsonl "$odd"/reals.png linked
ln -s ../elsewhere linked/.report
t report linked
ls elsewhere
echo Grids that have not changed are not made again:
touch -d '2001-01-01' "$odd/reals.png"
echo kept >"$odd/.report/reals.jpg"
t report --quiet "$odd"
data "$odd" | grep -o '"data:image/jpeg;base64,a2VwdAo="'
echo Others are:
touch -d '2040-01-01' "$odd/reals.png"
t report --quiet "$odd"
data "$odd" | grep -c '"data:image/jpeg;base64,a2VwdAo="'
echo A run before its first tick, with options that are none:
mkdir fresh
echo 'no options' >fresh/training_options.json
t report fresh
data fresh | grep -o '"\(state\|kimg\|options\|curves\)":[^,]*'
echo An alarm that rings three times, the last until now, is told once:
mkdir alarms
kimg=0
for p in 1 0 0 0 1 0 0 0 0 0 0 1 0 0 0 0 0 1 1; do
    kimg=$((kimg + 4))
    echo "{$(stat Progress/kimg $kimg), $(stat Progress/augment $p), $(stat Timing/total_sec $((kimg % 40)))}"
done >alarms/stats.jsonl
t report alarms
data alarms | grep -o '"kind":"[a-z-]*"\|"times":[^}]*\|"seconds":[^,]*'
echo On a phone:
grep -o '<meta name="viewport"[^>]*>' alarms/report.html
echo A folder in which nothing can be written:
mkdir -p taken/report.html/x
line 0 1 >taken/stats.jsonl
t report taken
ls -A taken
