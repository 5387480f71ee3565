// Regular expressions of strangers: held against those of JavaScript where both mean the same, and never slow.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RegularExpression } from '../../../collector/prometheus/regular-expression.ts';
import { codeOf } from '../../../common/runtime/errors.ts';

const thrown = (act: () => unknown): unknown => {
  try {
    act();
    return null;
  } catch (error) {
    return error;
  }
};

test.each([
  ['', '', true],
  ['', 'a', false],
  ['core1', 'core1', true],
  ['core', 'core1', false],
  ['core.*', 'core1', true],
  ['.*', 'a\nb', true],
  ['(?-s).*', 'a\nb', false],
  ['core1|access[12]', 'access2', true],
  ['core1|access[12]', 'access3', false],
  ['^core1$', 'core1', true],
  [String.raw`xe-0/0/\d+`, 'xe-0/0/12', true],
  [String.raw`xe-0/0/\d+`, 'xe-0/0/', false],
  ['(?i)CORE[a-z]+', 'coreX', true],
  ['(?i:C)ore', 'CORE', false],
  ['(?i:C)ore', 'core', true],
  ['[^/]+', 'a/b', false],
  ['[]a]+', ']a]', true],
  ['[a-]+', 'a-a', true],
  [String.raw`a\.b`, 'a.b', true],
  [String.raw`a\.b`, 'axb', false],
  ['a{2,3}', 'aa', true],
  ['a{2,3}', 'aaaa', false],
  ['a{2,}', 'aaaaa', true],
  ['(ab)*c', 'ababc', true],
  ['é+', 'éé', true],
  ['.', '😀', true],
  [String.raw`\x{1F600}`, '😀', true],
  [String.raw`.*\bup`, 'it is up', true],
])('%j matches %j: %j', (pattern, text, expected) => {
  expect(new RegularExpression(pattern).matches(text)).toBe(expected);
});

test('groups say what they took, also by name', () => {
  const found = new RegularExpression('(?P<slot>[^/]+)/(\\d+)(x)?(?:y)').find('xe-0/12y');
  expect(found?.groups).toEqual(['xe-0/12y', 'xe-0', '12', undefined]);
  expect(found?.named.get('slot')).toBe('xe-0');
  expect(new RegularExpression('(a*)(a*)').find('aaa')?.groups).toEqual(['aaa', 'aaa', '']);
  expect(new RegularExpression('(a*?)(a*)').find('aaa')?.groups).toEqual(['aaa', '', 'aaa']);
});

test.each([
  '(',
  ')',
  'a)',
  '[a',
  '*a',
  'a**',
  'a{3,2}',
  'a{2000}',
  '(?=a)',
  String.raw`\Qa.b\E`,
  '(?<!a)b',
  String.raw`(a)\1`,
  String.raw`\pL`,
  '[[:alpha:]]',
  '[z-a]',
  String.raw`\x{110000}`,
  '(?P<a>x)(?P<a>y)',
  String.raw`a\ `.trim(),
  '('.repeat(120),
  '((a{500}){500}){500}',
  '(?:(?:a{0}b?){1000}){1000}',
])('%j is refused', (pattern) => {
  expect(codeOf(thrown(() => new RegularExpression(pattern)))).toBe('invalid_request');
});

test('more characters than the bound are refused', () => {
  expect(codeOf(thrown(() => new RegularExpression('x'.repeat(2000))))).toBe('invalid_request');
});

test('repetitions of nothing cost nothing', () => {
  const nothing = `${'(?:'.repeat(30)}a{0}${'){1000}'.repeat(30)}`;
  const startedAt = Date.now();
  expect(codeOf(thrown(() => new RegularExpression(nothing)))).toBe('invalid_request');
  expect(Date.now() - startedAt).toBeLessThan(1000);
});

test('what takes JavaScript for ever takes milliseconds', () => {
  const startedAt = Date.now();
  for (const pattern of ['(a+)+', '(a|a)*', '(a|aa)+', '(.*)*', '(a*)*b?', '((a+)+)+'])
    for (const end of ['!', '\n!'])
      expect(new RegularExpression(`${pattern}$`).matches(`${'a'.repeat(600)}${end}`)).toBe(pattern === '(.*)*');
  expect(Date.now() - startedAt).toBeLessThan(5000);
});

describe('the same as JavaScript', () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    'c',
    '.',
    '[ab]',
    '[^a]',
    'a?',
    'b*',
    'c+',
    'a{1,2}',
    '(a|b)',
    '(?:bc)*',
    '(c)?',
    '|',
    '^',
    '$',
    '\\w',
    '\\b',
  );
  const pattern = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-'), maxLength: 10 });

  test('whether a text matches, and what the groups take', () => {
    fc.assert(
      fc.property(pattern, text, (one, of) => {
        const found = new RegularExpression(one).find(of);
        const expected = new RegExp(`^(?:${one})$`, 's').exec(of);
        expect(found?.groups ?? null).toEqual(expected === null ? null : [...expected]);
      }),
      { numRuns: 3000 },
    );
  });

  test('anything is an expression or refused with its code', () => {
    const any = fc.string({ unit: fc.constantFrom(...Array.from('ab(|)[]{}^$?*+.\\-,:12<>PidwQExs')), maxLength: 20 });
    fc.assert(
      fc.property(fc.oneof(any, fc.string()), fc.string(), (one, of) => {
        const error = thrown(() => new RegularExpression(one).matches(of));
        if (error !== null) expect(codeOf(error)).toBe('invalid_request');
      }),
      { numRuns: 3000 },
    );
  });
});
