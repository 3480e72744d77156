# SPDX-License-Identifier: Apache-2.0
# A network whose functions share layers lists each once.  Its weights are a hole in the file, all zeros.
header='{"__metadata__":{"atelier":"{\"version\":1,\"networks\":{\"vgg16\":{\"kind\":\"vgg16\",\"config\":'
header+='{\"height\":32,\"width\":32,\"classes\":1}}}}"}'
at=0
add() { # NAME O [I [K K]]: a layer's weight of that shape, and its bias
    local count=1 d
    for d in "${@:2}"; do count=$((count * d)); done
    header+=",\"vgg16.$1.weight\":{\"dtype\":\"F32\",\"shape\":[$(IFS=, && echo "${*:2}")],"
    header+="\"data_offsets\":[$at,$((at += 4 * count))]},\"vgg16.$1.bias\":{\"dtype\":\"F32\",\"shape\":[$2],"
    header+="\"data_offsets\":[$at,$((at += 4 * $2))]}"
}
from=3
for layer in 0:64 2:64 5:128 7:128 10:256 12:256 14:256 17:512 19:512 21:512 24:512 26:512 28:512; do
    add features.${layer%:*} ${layer#*:} $from 3 3
    from=${layer#*:}
done
add classifier.0 4096 25088
add classifier.3 4096 4096
add classifier.6 1 4096
header+="}"
while [ $((${#header} % 8)) != 0 ]; do header+=" "; done
size=$(printf '\\x%x' $((${#header} & 255)) $((${#header} >> 8)))
printf "$size\0\0\0\0\0\0%s" "$header" >vgg16.safetensors
truncate -s $((8 + ${#header} + at)) vgg16.safetensors
t inspect vgg16.safetensors
