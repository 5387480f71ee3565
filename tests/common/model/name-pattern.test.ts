// fitsPattern(): against regular expressions of the same meaning.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitsPattern } from '../../../common/model/name-pattern.ts';

test('a pattern fits as a regular expression of the same meaning does', () => {
  const word = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 6 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(word, word, (pattern, text) => {
      const plain = text.replaceAll('*', 'a');
      const same = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(plain);
      expect(fitsPattern(pattern, plain)).toBe(same);
    }),
  );
});
