// Exact numbers for money and rates: rationals of bigint. Nothing is rounded until `toFixed` is asked to.

export type Rounding = 'half_up' | 'half_even' | 'down' | 'up';

/** From outside, with a bound. */
const DECIMAL = /^([+-]?)(\d{1,60})(?:\.(\d{1,40}))?$/;
/** As `toString` writes it, however large. */
const WRITTEN_DECIMAL = /^(-?)(\d+)(?:\.(\d{1,40}))?$/;

/** An exact rational number; immutable, always in lowest terms with a positive denominator. */
export class Exact {
  readonly numerator: bigint;
  readonly denominator: bigint;

  private constructor(numerator: bigint, denominator: bigint) {
    this.numerator = numerator;
    this.denominator = denominator;
  }

  static readonly zero = new Exact(0n, 1n);
  static readonly one = new Exact(1n, 1n);

  static ratio(numerator: bigint, denominator: bigint): Exact {
    if (denominator === 0n) throw new RangeError('BUG: division by zero');
    const sign = denominator < 0n ? -1n : 1n;
    const common = gcd(numerator < 0n ? -numerator : numerator, denominator * sign);
    return new Exact((sign * numerator) / common, (sign * denominator) / common);
  }

  static integer(value: bigint | number): Exact {
    return new Exact(BigInt(value), 1n);
  }

  /** Reads a plain decimal such as `-12.0450`; null for anything else (no exponent, no thousands separator). */
  static parse(text: string): Exact | null {
    return Exact.#decimal(DECIMAL.exec(text));
  }

  static #decimal(match: RegExpExecArray | null): Exact | null {
    if (match === null) return null;
    const fraction = match[3] ?? '';
    const magnitude = BigInt(`${match[2]}${fraction}`);
    return Exact.ratio(match[1] === '-' ? -magnitude : magnitude, 10n ** BigInt(fraction.length));
  }

  add(other: Exact): Exact {
    return Exact.ratio(
      this.numerator * other.denominator + other.numerator * this.denominator,
      this.denominator * other.denominator,
    );
  }

  subtract(other: Exact): Exact {
    return this.add(other.negate());
  }

  multiply(other: Exact): Exact {
    return Exact.ratio(this.numerator * other.numerator, this.denominator * other.denominator);
  }

  divide(other: Exact): Exact {
    return Exact.ratio(this.numerator * other.denominator, this.denominator * other.numerator);
  }

  negate(): Exact {
    return new Exact(-this.numerator, this.denominator);
  }

  /** -1, 0 or 1. */
  compare(other: Exact): -1 | 0 | 1 {
    const difference = this.numerator * other.denominator - other.numerator * this.denominator;
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }

  isZero(): boolean {
    return this.numerator === 0n;
  }

  isNegative(): boolean {
    return this.numerator < 0n;
  }

  /** Rounds once, to that many decimal places; the rule is named by the price version. `half_up` rounds halves away from zero. */
  round(places: number, rounding: Rounding): Exact {
    const scale = 10n ** BigInt(places);
    const negative = this.numerator < 0n;
    const scaled = (negative ? -this.numerator : this.numerator) * scale;
    let quotient = scaled / this.denominator;
    const twice = (scaled % this.denominator) * 2n;
    if (roundsUp(rounding, twice, this.denominator, quotient)) quotient += 1n;
    return Exact.ratio(negative ? -quotient : quotient, scale);
  }

  /** A decimal with exactly that many places, rounded by the rule. */
  toFixed(places: number, rounding: Rounding): string {
    const rounded = this.round(places, rounding);
    const units = (rounded.numerator * 10n ** BigInt(places)) / rounded.denominator;
    const digits = (units < 0n ? -units : units).toString().padStart(places + 1, '0');
    const whole = digits.slice(0, digits.length - places);
    const text = places === 0 ? digits : `${whole}.${digits.slice(digits.length - places)}`;
    return units < 0n ? `-${text}` : text;
  }

  /** The decimal where it ends within 40 places, else `numerator/denominator`: exact either way, and `fromText` reads both back. */
  toString(): string {
    for (let places = 0; places <= 40; places += 1) {
      if (10n ** BigInt(places) % this.denominator === 0n) return this.toFixed(places, 'down');
    }
    return `${this.numerator}/${this.denominator}`;
  }

  /** Reads what `toString` wrote; null for anything else. */
  static fromText(text: string): Exact | null {
    const [numerator, denominator, rest] = text.split('/');
    if (denominator === undefined) return Exact.#decimal(WRITTEN_DECIMAL.exec(text));
    if (rest !== undefined || !/^-?\d+$/.test(numerator ?? '') || !/^[1-9]\d*$/.test(denominator)) return null;
    return Exact.ratio(BigInt(numerator ?? ''), BigInt(denominator));
  }
}

function roundsUp(rounding: Rounding, twiceRemainder: bigint, denominator: bigint, quotient: bigint): boolean {
  switch (rounding) {
    case 'down':
      return false;
    case 'up':
      return twiceRemainder > 0n;
    case 'half_up':
      return twiceRemainder >= denominator;
    case 'half_even':
      return twiceRemainder > denominator || (twiceRemainder === denominator && quotient % 2n === 1n);
  }
}

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x === 0n ? 1n : x;
}
