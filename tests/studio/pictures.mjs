// SPDX-License-Identifier: Apache-2.0
// The pictures of docs/studio.md: each panel at work, as PNG of 160 colours.
//
//     ATELIER=build/release/cli/atelier node tests/studio/pictures.mjs docs/images
import zlib from 'node:zlib';
import {assert, fs, go, path, portraits, run, settled, slide, structure, test} from './studio.mjs';

const out = path.resolve(process.argv[2] || '.'), only = process.argv[3];

// ---- PNG of a palette

// The colours' boxes are halved at the median of their longest side, the most populous box first.
const reduced = (page, png) => page.evaluate(async text => {
  const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(text), c => c.charCodeAt(0))]));
  const {width, height} = bitmap, c = new OffscreenCanvas(width, height).getContext('2d');
  c.drawImage(bitmap, 0, 0);
  const data = c.getImageData(0, 0, width, height).data, counts = new Map();
  const keyOf = i => data[i] >> 2 << 12 | data[i + 1] >> 2 << 6 | data[i + 2] >> 2;
  for (let i = 0; i < data.length; i += 4)
    counts.set(keyOf(i), (counts.get(keyOf(i)) || 0) + 1);
  const part = (key, k) => key >> 12 - 6 * k & 63;
  const box = entries => {
    const spans = [0, 1, 2].map(k => {
      const values = entries.map(e => part(e[0], k));
      return Math.max(...values) - Math.min(...values);
    });
    const longest = spans.indexOf(Math.max(...spans));
    return {entries, longest, weight: spans[longest] * Math.sqrt(entries.reduce((sum, e) => sum + e[1], 0))};
  };
  const boxes = [box([...counts])];
  while (boxes.length < 160) {
    boxes.sort((a, b) => b.weight - a.weight);
    const {entries, longest, weight} = boxes[0];
    if (!weight)
      break;
    entries.sort((a, b) => part(a[0], longest) - part(b[0], longest));
    const half = entries.reduce((sum, e) => sum + e[1], 0) / 2;
    let at = 0, sum = 0;
    while (at < entries.length - 1 && (sum += entries[at][1]) < half)
      at++;
    at = Math.max(1, Math.min(at, entries.length - 1));
    boxes.splice(0, 1, box(entries.slice(0, at)), box(entries.slice(at)));
  }
  const index = new Map(), sums = boxes.map(() => [0, 0, 0, 0]);
  boxes.forEach((b, i) => b.entries.forEach(e => index.set(e[0], i)));
  const pixels = new Array(width * height);
  for (let i = 0; i < pixels.length; i++) {
    const k = pixels[i] = index.get(keyOf(4 * i));
    [0, 1, 2].forEach(j => { sums[k][j] += data[4 * i + j]; });
    sums[k][3]++;
  }
  return {width, height, pixels, palette: sums.flatMap(s => s.slice(0, 3).map(v => Math.round(v / s[3])))};
}, png.toString('base64'));

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name), data]), head = Buffer.alloc(4), tail = Buffer.alloc(4);
  head.writeUInt32BE(data.length);
  let crc = -1;
  for (const byte of body) {
    crc ^= byte;
    for (let k = 0; k < 8; k++)
      crc = crc >>> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  tail.writeInt32BE(~crc);
  return Buffer.concat([head, body, tail]);
}

function encode({width, height, pixels, palette}) {
  const header = Buffer.alloc(13), rows = Buffer.alloc((width + 1) * height);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8); // eight bits, of a palette
  for (let y = 0; y < height; y++)
    rows.set(pixels.slice(y * width, (y + 1) * width), y * (width + 1) + 1);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('PLTE', Buffer.from(palette)),
    chunk('IDAT', zlib.deflateSync(rows, {level: 9})), chunk('IEND', Buffer.alloc(0)),
  ]);
}

// ---- panels at work

async function find(page, folder) { // a photo, and its search
  await page.locator('#photo-file').setInputFiles(path.join(folder, 'set/seed0012.png'));
  await page.locator('.drop.filled').waitFor();
  await page.locator('[data-value=false]').first().click();
  await page.locator('[data-value=mse]').click();
  await slide(page, 'steps', 60);
  await page.getByRole('button', {name: 'Find'}).first().click();
  await page.waitForFunction(() => document.querySelector('.task').dataset.phase === 'done');
}

async function sefa(page) {
  await page.getByRole('button', {name: 'SeFa'}).click();
  await page.locator('.sliders input[data-name=direction]').first().waitFor();
  await page.locator('.sliders input[data-name=direction]').first().evaluate(e => {
    e.value = 5;
    e.dispatchEvent(new Event('input', {bubbles: true}));
  });
  await slide(page, 'wipe', 0.5);
}

async function handle(page) {
  const box = await page.locator('.picture').boundingBox(), at = v => (v + 0.5) / 64 * box.width;
  await page.mouse.move(box.x + at(33), box.y + at(39));
  await page.mouse.down();
  await page.mouse.move(box.x + at(33), box.y + at(31), {steps: 4});
  await page.mouse.up();
  for (let i = 1; i < 4; i++) {
    await page.getByRole('button', {name: 'Step'}).click();
    await page.waitForFunction(i => +document.querySelector('.picture').dataset.step >= i, i);
  }
}

async function plan(page) {
  await page.locator('.curve').first().waitFor();
  await page.locator('.stage').evaluate(e => { e.scrollTop = 200; });
  await page.getByRole('button', {name: 'Plan'}).click();
  await page.waitForFunction(() => document.querySelector('.task').dataset.phase === 'done');
  await page.locator('.plan').evaluate(e => e.scrollIntoView(false));
}

const network = 'moving.safetensors';
const shots = [
  ['explore', 'x=85.4&y=0.3&psi=0.8'], ['mix', 'mix_styles=4-9'], ['move', `network=${network}&x=3&tx=0.1&angle=20`],
  ['edit', 'x=12', sefa], ['drag', 'x=7', handle], ['project', '', find],
  ['animate', 'keys=[{"seed":3},{"seed":12},{"seed":29}]&at=1.4'], ['inside', 'x=12&layer=synthesis.b32.conv1'],
  ['train', 'kimg=2&batch=8&cbase=2048&cmax=64', plan], ['compare', 'x=12&other=other.safetensors&alpha=0.5'],
];

// A run that is small, and real: some minutes from the shipped network on, with pictures that it has made.
const train = folder => run('atelier generate --seeds 0-255 --trunc 0.7 --outdir photos --quiet\n' +
  `atelier train --data photos --resume ${portraits} --outdir runs --mirror --kimg 2 --batch 8 --tick 0.1 --snap 5`,
  folder);

const prepare = folder => {
  run('atelier generate --seeds 0-31 --outdir set --quiet\n' +
    `atelier init --cfg stylegan3-t --resolution 64 --cbase 2048 --cmax 64 --seed 3 --quiet ${network}\n` +
    `atelier blend ${portraits} ${portraits} --alpha 0.5 --out other.safetensors --quiet`, folder);
  fs.copyFileSync(portraits, path.join(folder, path.basename(portraits)));
  if (!only || only === 'train')
    train(folder);
  const runs = fs.existsSync(path.join(folder, 'runs')) ? ['runs'] : [];
  return [path.basename(portraits), 'other.safetensors', network, 'set', ...runs]; // as the command lines name them
};

await test('pictures', {places: [], prepare, options: {viewport: {width: 1040, height: 680}}}, async ({page, studio, folder}) => {
  for (const [panel, state, act] of shots.filter(s => !only || s[0] === only)) {
    await go(page, studio, `${panel}?${state}`);
    await page.waitForTimeout(500);
    await settled(page);
    if (act)
      await act(page, folder);
    await settled(page);
    await page.waitForTimeout(2500); // what was said is gone, small pictures of the map and of the strip
    assert.deepEqual(await structure(page), []);
    const png = encode(await reduced(page, await page.screenshot()));
    assert(png.length <= 120000, `${panel}: ${png.length} bytes`);
    fs.writeFileSync(path.join(out, `studio-${panel}.png`), png);
  }
});
