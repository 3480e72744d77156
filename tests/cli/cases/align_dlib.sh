# SPDX-License-Identifier: Apache-2.0
# atelier align with dlib: the three faces of a photo that comes with its package, where its list has them.
photos=/usr/share/doc/libdlib19.1/examples/faces
box="s/.*<box top='\([0-9]*\)' left='\([0-9]*\)' width='\([0-9]*\)' .*/\1 \2 \3/p"
sed -n "/<image file='2008_001322.jpg'/,/<\/image>/$box" $photos/training.xml >boxes
mkdir photos
cp $photos/2008_001322.jpg data/pictures/gray.jpg photos
t align photos --size 64 --outdir a
for record in a/*.json; do # the middle of the square, between the first and the third corner
    grep -o '"quad": .*' $record | tr -c '0-9.\n-' ' ' | awk '{
        x = ($1 + $5) / 2; y = ($2 + $6) / 2
        while ((getline line <"boxes") > 0) {
            split(line, b, " ")
            if (y > b[1] && y < b[1] + b[3] && x > b[2] && x < b[2] + b[3]) print "in a box " ++found
        }
        if (!found) print "in none of the boxes: " x, y }'
done
t align photos/2008_001322.jpg --size 64 --outdir b --face one
