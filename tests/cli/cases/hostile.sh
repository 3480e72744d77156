# SPDX-License-Identifier: Apache-2.0
# Damaged and malicious checkpoints: a sentence and exit status 1 from every subcommand, and no file.
for file in data/torch/broken/*; do
    for command in "inspect $file" "generate --network $file --seeds 0" "convert $file out.safetensors"; do
        "$ATELIER" $command >output 2>&1
        status=$?
        [ $status = 1 ] && grep -q '^atelier: .' output && continue
        echo "atelier $command: exit $status"
        cat output
    done
done
rm output
ls
for size in 0 1 7 8 100 5000 100000; do
    head -c $size data/stylegan/sg2-32.pkl >cut.pkl
    "$ATELIER" generate --network cut.pkl --seeds 0 --outdir out >output 2>&1
    echo "cut at $size: exit $?, $(grep -c '^atelier: cut.pkl' output) sentence"
done
ls
