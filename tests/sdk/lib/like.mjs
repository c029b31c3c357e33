// What an answer must look like, to the last key.
import assert from 'node:assert/strict';

export const HASH = /^0x[0-9a-f]{64}$/;
export const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
export const DIGITS = /^[0-9]+$/;
export const ZERO = `0x${'0'.repeat(40)}`;
export const ZERO_HASH = `0x${'0'.repeat(64)}`;

/** Stands for anything; a test that uses it looks at the value otherwise. */
export const ANY = () => true;

/**
 * Compares an answer with its shape. In a shape a regular expression is for text, a function says whether it likes the value, an
 * object has all the keys of the answer and no other; everything else is compared as it is.
 */
export function like(answer, shape, at = 'answer') {
  if (shape instanceof RegExp) {
    assert.equal(typeof answer, 'string', `${at} should be text, is ${JSON.stringify(answer)}`);
    assert.match(answer, shape, at);
  } else if (typeof shape === 'function') {
    assert.ok(shape(answer), `${at} is ${JSON.stringify(answer)}, not ${shape}`);
  } else if (Array.isArray(shape)) {
    assert.ok(Array.isArray(answer), `${at} should be a list, is ${JSON.stringify(answer)}`);
    assert.equal(answer.length, shape.length, `${at} has ${answer.length} items: ${JSON.stringify(answer)}`);
    shape.forEach((item, index) => like(answer[index], item, `${at}[${index}]`));
  } else if (shape !== null && typeof shape === 'object') {
    assert.ok(answer !== null && typeof answer === 'object', `${at} should be an object, is ${JSON.stringify(answer)}`);
    assert.deepEqual(Object.keys(answer).sort(), Object.keys(shape).sort(), `the keys of ${at}: ${JSON.stringify(answer)}`);
    Object.entries(shape).forEach(([key, item]) => like(answer[key], item, `${at}.${key}`));
  } else {
    assert.deepEqual(answer, shape, at);
  }
}
