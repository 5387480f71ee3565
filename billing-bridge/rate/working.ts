// What every price model answers: an exact amount, and the steps that lead to it so that a person can do the sum again.
import { Exact } from '../../common/model/exact.ts';

/** One step of the sum; numbers are exact text (`Exact.toString`). */
export interface WorkingStep {
  readonly what: string;
  readonly quantity?: string;
  readonly price?: string;
  readonly amount: string;
}

export interface Priced {
  /** Exact; rounded only on the bill line. */
  readonly amount: Exact;
  readonly steps: readonly WorkingStep[];
}

/** The sum of steps as they are added. */
export class Sum {
  readonly #steps: WorkingStep[] = [];
  #amount = Exact.zero;

  /** Adds quantity × price, with its step. */
  multiply(what: string, quantity: Exact, price: Exact): void {
    const amount = quantity.multiply(price);
    this.#amount = this.#amount.add(amount);
    this.#steps.push({ what, quantity: quantity.toString(), price: price.toString(), amount: amount.toString() });
  }

  /** Adds a fixed amount; zero leaves no step. */
  fixed(what: string, amount: Exact): void {
    if (amount.isZero()) return;
    this.#amount = this.#amount.add(amount);
    this.#steps.push({ what, amount: amount.toString() });
  }

  priced(): Priced {
    return { amount: this.#amount, steps: this.#steps };
  }
}

/** Rounded up to a whole number. */
export function ceiling(value: Exact): Exact {
  const { numerator, denominator } = value;
  const quotient = numerator / denominator;
  return Exact.integer(numerator > 0n && numerator % denominator !== 0n ? quotient + 1n : quotient);
}

export function least(left: Exact, right: Exact): Exact {
  return left.compare(right) <= 0 ? left : right;
}

export function most(left: Exact, right: Exact): Exact {
  return left.compare(right) >= 0 ? left : right;
}
