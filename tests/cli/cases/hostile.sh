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

# names from files reach no terminal as they are; every sentence names its file
write() { # FILE HEADER: safetensors without data
    printf "\\x$(printf %02x $((${#2} % 256)))\\x$(printf %02x $((${#2} / 256)))\\0\\0\\0\\0\\0\\0" >"$1"
    printf %s "$2" >>"$1"
}
metadata='{"__metadata__":{"atelier":"{\"version\":1,\"networks\":{\"G\":{\"kind\":\"KIND\",\"config\":{}}}}"}}'
write kind.safetensors "${metadata/KIND/$'k\xc2\x9b31m'}"
for command in inspect 'generate --seeds 0 --network' 'convert --net G'; do
    "$ATELIER" $command kind.safetensors $([[ $command != convert* ]] || echo out.safetensors) 2>&1 | od -An -c |
        grep -c '302 *233'
done
empty='{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
write name.safetensors "{\"w"$'\xc2\x9b'"1m\":$empty,\"v\":$empty}"
t generate --network data/stylegan/sg2-32.pkl --latents name.safetensors
{ printf '(L'; head -c 600 /dev/zero | tr '\0' 7; printf 'L\nt.'; } >digits.pkl
t inspect digits.pkl
t inspect /dev/null
"$ATELIER" inspect $'x\e[31m.pkl' 2>&1 | cat -v # named once
ls
