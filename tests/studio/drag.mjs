// SPDX-License-Identifier: Apache-2.0
// Drag: a handle is set on the picture, goes step by step, stops and goes back; what may change is painted.
import {assert, go, hash, otherPixels, pixels, samePixels, says, settled, structure, test} from './studio.mjs';

const step = page => page.evaluate(() => +document.querySelector('.picture').dataset.step);
const reaches = (page, n) => page.waitForFunction(n => +document.querySelector('.picture').dataset.step >= n, n);
const press = (page, name) => page.getByRole('button', {name}).first().click();

await test('drag', {}, async ({page, studio}) => {
  await go(page, studio, 'drag?x=7');
  await settled(page);
  const first = await pixels(page), box = await page.locator('.picture').boundingBox();
  const at = v => (v + 0.5) / 64 * box.width;
  await page.mouse.move(box.x + at(33), box.y + at(39));
  await page.mouse.down();
  await page.mouse.move(box.x + at(33), box.y + at(33), {steps: 4});
  await page.mouse.up();
  await page.waitForTimeout(300);
  assert.match(await hash(page), /points=\[\[33,39,33,33\]\]/);
  await press(page, 'Step');
  await reaches(page, 1);
  await press(page, 'Start');
  await reaches(page, 5);
  await press(page, 'Stop');
  await page.waitForFunction(() => /Start/.test(document.querySelector('.bar button').textContent));
  await page.waitForTimeout(300); // the step that was under way
  await says(page, /^atelier drag --seed 7 --trunc 1 --points "33,39>33,33" --steps \d+/);
  const reached = await step(page);
  otherPixels(await pixels(page), first, 'dragged');
  await press(page, 'Undo');
  await page.waitForFunction(n => +document.querySelector('.picture').dataset.step < n, reached);

  // what is painted is a mask; then it begins anew
  await press(page, 'Reset');
  await settled(page);
  samePixels(await pixels(page), first, 'Reset leads back');
  await page.locator('.segments button').nth(1).click();
  await page.mouse.move(box.x + at(20), box.y + at(40));
  await page.mouse.down();
  await page.mouse.move(box.x + at(45), box.y + at(40), {steps: 6});
  await page.mouse.up();
  await press(page, 'Step');
  await says(page, /--mask /);
  assert.deepEqual(await structure(page), []);
});
