// SPDX-License-Identifier: Apache-2.0
// Inside: layers with shapes and times; a layer's channels, one of them, its numbers and its spectrum.
import {assert, go, hash, otherPixels, pixels, settled, structure, test} from './studio.mjs';

const shown = page => page.evaluate(() => +document.querySelector('.picture').dataset.frames);

// Does something, and waits for the picture that comes of it.
async function then(page, act) {
  const before = await shown(page);
  await act();
  await page.waitForFunction(n => +document.querySelector('.picture').dataset.frames > n, before);
  await settled(page);
  return pixels(page);
}

// The green values of a picture, and of one of the first row's tiles of 32 x 32.
const green = picture => picture.slice(2).filter((_, i) => i % 4 === 1);
const tile = (picture, i) => green(picture).filter((_, k) => {
  const x = k % picture[0] - 33 * i;
  return x >= 0 && x < 32 && k < 32 * picture[0];
});

function correlation(a, b) {
  const mean = list => list.reduce((sum, v) => sum + v, 0) / list.length, [ma, mb] = [mean(a), mean(b)];
  const dot = (p, mp, q, mq) => p.reduce((sum, v, i) => sum + (v - mp) * (q[i] - mq), 0);
  return dot(a, ma, b, mb) / Math.sqrt(dot(a, ma, a, ma) * dot(b, mb, b, mb));
}

await test('inside', {}, async ({page, studio}) => {
  await go(page, studio, 'inside?x=4&layer=synthesis.b32.conv1');
  await settled(page);
  const rows = page.locator('table.layers tr');
  const text = await rows.allTextContents();
  assert(text.some(r => /b64\.torgb.*3×64×64/.test(r)), text.join('\n'));
  const times = await rows.locator('td.time span').allTextContents();
  assert(times.filter(text => +text > 0).length > 5, `times: ${times}`);
  const many = await pixels(page);
  assert(many[0] > 8 * 32 && many[1] > 2 * 32, 'channels side by side');
  assert.equal(await page.locator('table.numbers tr').count(), 3);

  // a click on a tile shows its channel, another click all of them
  const box = await page.locator('.picture canvas').boundingBox();
  const place = [box.x + box.width / many[0] * (33 * 2 + 16), box.y + box.height / many[1] * 16];
  const one = await then(page, () => page.mouse.click(...place));
  assert.deepEqual(one.slice(0, 2), [32, 32]);
  await page.waitForTimeout(300);
  assert.match(await hash(page), /channel=2(&|$)/);
  const likeness = Array.from({length: 8}, (_, i) => correlation(tile(many, i), green(one)));
  assert.equal(likeness.indexOf(Math.max(...likeness)), 2, `the channel is like its tile most: ${likeness}`);

  const spectrum = await then(page, () => page.getByRole('button', {name: 'spectrum'}).click());
  otherPixels(spectrum, one);
  assert(await page.getByText('Gain in dB').isHidden());
  await then(page, () => page.getByRole('button', {name: 'values', exact: true}).click());

  // rows by keys
  await rows.filter({hasText: /^b64\.conv0[0-9]/}).focus();
  const next = await then(page, () => page.keyboard.press('Enter'));
  assert(next[0] > 4 * 64);
  await page.waitForTimeout(300);
  assert.match(await hash(page), /layer=synthesis\.b64\.conv0/);
  assert.deepEqual(await structure(page), []);
});
