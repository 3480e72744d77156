// SPDX-License-Identifier: Apache-2.0
// How quick the studio is in a browser on this machine: tools/browser.sh, then
//
//     node bench/studio.mjs
//
// in an empty folder.  ATELIER names the program, build/release/cli/atelier if it doesn't.
import {go, openBrowser, openPage, openStudio, path, portraits, run, settled} from '../tests/studio/studio.mjs';

const folder = process.cwd();
const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))];
const spread = list => `median ${quantile(list, 0.5).toFixed(1)} ms, p95 ${quantile(list, 0.95).toFixed(1)} ms`;
const say = (what, value) => console.log(`${what}: ${value}`);
const shown = page => page.evaluate(() => +document.querySelector('.picture').dataset.frames || 0);

async function start(browser) {
  const began = performance.now(), studio = await openStudio([portraits], folder);
  say('the address is printed after', `${(performance.now() - began).toFixed(0)} ms`);
  const page = await openPage(browser, studio);
  let bytes = 0;
  page.on('response', async r => {
    if (!r.url().includes('/api/'))
      bytes += +(r.headers()['content-length'] || 0);
  });
  await page.goto(studio.address);
  await page.waitForFunction(() => (document.querySelector('.picture') || {dataset: {}}).dataset.frames);
  const first = await page.evaluate(() => performance.now()); // since the page was asked for
  say('usable after', `${(performance.now() - began).toFixed(0)} ms, the browser's new page counted`);
  say('first picture', `${first.toFixed(0)} ms after the page was asked for`);
  say('page', `${(bytes / 1000).toFixed(0)} kB`);
  return {page, studio};
}

// From a slider's event until the frame that it asked for is drawn.
async function slider(page) {
  const times = [];
  for (let i = 0; i < 200; i++)
    times.push(await page.evaluate(i => new Promise(done => {
      const e = document.querySelector('input[data-name=psi]'), box = document.querySelector('.picture');
      const before = +box.dataset.frames, began = performance.now();
      new MutationObserver((_, watch) => {
        if (+box.dataset.frames > before) {
          watch.disconnect();
          done(performance.now() - began);
        }
      }).observe(box, {attributes: true});
      e.value = 0.2 + (i * 37 % 100) / 100;
      e.dispatchEvent(new Event('input', {bubbles: true}));
    }), i));
  say('slider to new frame', spread(times));
}

async function dragging(browser) {
  run('atelier init --cfg stylegan2 --resolution 256 --cbase 16384 --seed 1 --quiet large.safetensors', folder);
  const bench = JSON.parse(run('atelier bench --network large.safetensors --json --quiet', folder));
  const studio = await openStudio([path.join(folder, 'large.safetensors')], folder);
  const page = await openPage(browser, studio);
  await go(page, studio, 'explore');
  await settled(page);
  await page.waitForTimeout(6000); // the map's small pictures
  const before = await shown(page), began = performance.now();
  await page.mouse.move(300, 400);
  await page.mouse.down();
  for (let i = 1; i <= 300; i++) { // as a mouse tells its places
    await page.mouse.move(300 + 150 * Math.sin(i / 30), 400 + i / 10);
    await page.waitForTimeout(15);
  }
  await page.mouse.up();
  const frames = (await shown(page) - before) / (performance.now() - began) * 1000;
  say('256 x 256 while dragging', `${frames.toFixed(2)} frames/s; bench ${JSON.stringify(bench)}`);
  await page.close();
  await asked(studio, '256 x 256', 30);
  await studio.close();
}

// The same without a browser, which takes its share of the processors: pictures one after the other.
async function asked(studio, what, count) {
  const times = [], began = performance.now();
  for (let i = 0; i < count; i++) {
    const from = performance.now();
    const answer = await fetch(studio.address + 'api/v1/frame', {method: 'POST',
      headers: {'Content-Type': 'application/json'}, body: JSON.stringify({latent: {at: [i / 50, 0.5]}})});
    await answer.arrayBuffer();
    times.push(performance.now() - from);
  }
  const rate = 1000 * count / (performance.now() - began);
  say(`${what} without a browser`, `${spread(times)}, ${rate.toFixed(2)} frames/s`);
}

const browser = await openBrowser();
const {page, studio} = await start(browser);
await page.waitForTimeout(2500); // the map
await slider(page);
await page.close();
await asked(studio, '64 x 64', 300);
await studio.close();
await dragging(browser);
await browser.close();
