# SPDX-License-Identifier: Apache-2.0
# Encoders of pSp's family: their files open as they are, and lose nothing on their way to safetensors.
facts() { "$ATELIER" inspect "$1" | grep -E 'fingerprint|opts'; }
same() { [ "$(facts "$1")" = "$(facts "$2")" ] && echo same; }
for name in e4e restyle psp-bare; do
    t inspect data/encoders/$name.pt >$name.txt
    sed -n '/^encoder/,/layers/p' $name.txt
    t convert data/encoders/$name.pt $name.safetensors
    same data/encoders/$name.pt $name.safetensors
done
t generate --network data/encoders/psp-bare.pt --seeds 0
