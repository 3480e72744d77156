// SPDX-License-Identifier: Apache-2.0
// How long ONNX Runtime takes for a graph of inception_onnx.py: npm install onnxruntime-node, then
//
//   node bench/onnx_time.js FILE.onnx [THREADS [RUNS [OUT.f32]]]
//
// The pictures are those of bench_detector.c in their order there; OUT gets the features.
const fs = require("fs");
const ort = require(require.resolve("onnxruntime-node", { paths : [ process.cwd(), __dirname ] }));

async function main() {
    const [file, threads = "2", runs = "7", out] = process.argv.slice(2);
    const session = await ort.InferenceSession.create(file, {
        intraOpNumThreads : Number(threads),
        graphOptimizationLevel : "all",
    });
    const [n, c, h, w] = session.inputMetadata ? session.inputMetadata[0].shape : [ 8, 3, 299, 299 ];
    const data = new Float32Array(n * c * h * w);
    for (let i = 0; i < data.length; i++)
        data[i] = Number((BigInt(i + 120) * 2654435761n % 4294967296n) % 1000n) * 2e-3 - 1;
    const feeds = { img : new ort.Tensor("float32", data, [ n, c, h, w ]) };
    const times = [];
    let features;
    await session.run(feeds);
    for (let i = 0; i < Number(runs); i++) {
        const start = process.hrtime.bigint();
        features = (await session.run(feeds)).features;
        times.push(Number(process.hrtime.bigint() - start) / 1e6);
    }
    times.sort((a, b) => a - b);
    if (out)
        fs.writeFileSync(out, Buffer.from(features.data.buffer));
    console.log(`${n} of ${h}x${w}: ${times[times.length >> 1].toFixed(1)} ms median, ${
        times[0].toFixed(1)} fastest`);
}

main();
