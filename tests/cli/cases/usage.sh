# SPDX-License-Identifier: Apache-2.0
# The program without a subcommand.
t
t --help
t help
t help convert
t generat
t frobnicate
t --frobnicate
echo Names of the official scripts:
for script in gen_images gen_video.py style_mixing dataset_tool train.py projector.py calc_metrics avg_spectra.py; do
    t $script --outdir x
done
t generate --truncation-psi 1
t mix --row-seeds=1
t help frobnicate
if [ -w /dev/full ]; then
    "$ATELIER" --help >/dev/full; echo "exit $?"
    "$ATELIER" --version >/dev/full; echo "exit $?"
    "$ATELIER" help mix >/dev/full; echo "exit $?"
fi
t --version | sed 's/[0-9.]*[0-9]$/VERSION/; s/exit VERSION/exit 0/'
