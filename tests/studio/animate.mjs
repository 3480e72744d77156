// SPDX-License-Identifier: Apache-2.0
// Animate: keyframes on a timeline, played, and made into a video whose command line is shown.
import {assert, fs, go, otherPixels, path, pixels, samePixels, says, settled, slide, structure,
  test} from './studio.mjs';

await test('animate', {}, async ({page, studio, folder}) => {
  await go(page, studio, 'animate?keys=[{"seed":3},{"seed":12},{"seed":29}]&between=6&fps=12&film=webp&format=png');
  await settled(page);
  const first = await pixels(page);
  await slide(page, 'position', 1.5);
  await page.waitForFunction(() => document.querySelector('.badge').textContent.startsWith('1.50'));
  await settled(page);
  otherPixels(await pixels(page), first, 'between keyframes');
  await slide(page, 'position', 3);
  await settled(page);
  samePixels(await pixels(page), first, 'the path is closed');

  const frames = await page.evaluate(() => +document.querySelector('.picture').dataset.frames);
  await page.locator('.stage').click({position: {x: 2, y: 2}});
  await page.keyboard.press('Space');
  await page.waitForFunction(n => +document.querySelector('.picture').dataset.frames > n + 3, frames);
  await page.keyboard.press('Space');
  await page.getByRole('button', {name: 'Make the video'}).click();
  await page.waitForFunction(() => document.querySelector('.task').dataset.phase === 'done');
  await says(page, /^atelier video --seeds 3,12,29 .*--w-frames 6 --fps 12 --ease cubic --output .*walk-1\.webp/);
  await page.waitForFunction(() => (document.querySelector('.result img') || {}).naturalWidth === 64);
  const made = fs.readdirSync(path.join(folder, 'studio'), {recursive: true})
    .filter(name => name.endsWith('walk-1.webp'));
  assert.equal(made.length, 1);
  assert.deepEqual(await structure(page), []);

  // what is no latent is no keyframe
  await go(page, studio, 'animate?keys=[{},{"seed":12}]&format=png');
  await settled(page);
  assert.equal(await page.locator('.timeline .thumb').count(), 0);
});
