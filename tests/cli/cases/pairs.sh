# SPDX-License-Identifier: Apache-2.0
# Folders of pictures compared pair by pair.
t generate --network data/stylegan/sg2-32.pkl --seeds 0-3 --outdir a --quiet
t generate --network data/stylegan/sg2-32.pkl --seeds 0-3 --trunc 0.5 --outdir b --quiet
t metrics --fakes a --data a --metrics mse,ms-ssim
t metrics --fakes a --data b --metrics ms-ssim,mse --outdir results --quiet | sed 's/[0-9]*\.[0-9]*\(e-[0-9]*\)\?/N/g'
ls results
t metrics --fakes a/seed0000.png --data b/seed0001.png --metrics mse | sed 's/[0-9]\.[0-9]*/N/'

# what lies between codes
t generate --network data/stylegan/sg2-32.pkl --seeds 0-3 --outdir codes --save-ws --quiet
t metrics --network data/stylegan/sg2-32.pkl --interpolate codes/ws.npy --metrics msssim16 --outdir results --quiet \
    | sed 's/[0-9]*\.[0-9]*/N/g'
grep -o '"interpolate": "[a-z.]*"' results/metric-msssim16.jsonl
t metrics --network data/stylegan/sg2-32.pkl --interpolate codes/ws.npy --metrics ppl2_wend
t metrics --fakes a --interpolate codes/ws.npy --metrics msssim16
t metrics --network data/stylegan/sg2-32.pkl --interpolate nowhere.npz --metrics msssim16

# what can't be
t metrics --fakes a --data b --metrics mse,fid50k
t metrics --fakes a --metrics mse
t metrics --fakes a --data b --metrics idsim
t metrics --fakes a --data b --metrics idsim --identity data/encoders/e4e.pt
t metrics --fakes a --data b --metrics lpips --detectors nowhere
rm b/seed0002.png
t metrics --fakes a --data b --metrics mse
mv b/seed0003.png b/other.png
t metrics --fakes a --data b --metrics mse
