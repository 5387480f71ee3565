// Decimals as text, exactly: money and quantities never pass through a float. Pure.

interface Decimal {
  readonly digits: bigint;
  readonly places: number;
}

function parsed(text: string): Decimal | null {
  const found = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text.trim());
  if (found === null) return null;
  const [, sign, whole = '', part = ''] = found;
  const digits = BigInt(whole + part);
  return { digits: sign === '-' ? -digits : digits, places: part.length };
}

function written({ digits, places }: Decimal): string {
  const text = (digits < 0n ? -digits : digits).toString().padStart(places + 1, '0');
  const [whole, part] = [text.slice(0, text.length - places), text.slice(text.length - places)];
  return `${digits < 0n ? '-' : ''}${whole}${places === 0 ? '' : `.${part}`}`;
}

/** With as many places as the longer of both; null where either is no decimal. */
export function difference(one: string, other: string): string | null {
  const [a, b] = [parsed(one), parsed(other)];
  if (a === null || b === null) return null;
  const places = Math.max(a.places, b.places);
  const scaled = ({ digits, places: own }: Decimal): bigint => digits * 10n ** BigInt(places - own);
  return written({ digits: scaled(a) - scaled(b), places });
}

export function sum(texts: readonly string[]): string {
  return texts.reduce((total, text) => difference(total, difference('0', text) ?? '0') ?? total, '0');
}

/** In the smaller unit, whole where it comes out so, else as a decimal; null where the text is no decimal of zero or more. */
export function times(text: string, factor: bigint): string | null {
  const value = parsed(text);
  if (value === null || value.digits < 0n) return null;
  const product = written({ digits: value.digits * factor, places: value.places });
  return product.replace(/\.0+$/, '').replace(/(\.\d*?)0+$/, '$1');
}
