// Package: whole packages of a size, a begun one counts; with free units before the first, which also makes an allowance with overage in blocks.
import { Exact } from '../../common/model/exact.ts';
import { ceiling, most, type Priced, Sum } from './working.ts';

export interface PackagePrice {
  readonly amount: Exact;
  readonly size: Exact;
  readonly freeUnits: Exact;
  /** Systems differ: is one package charged where nothing was used? */
  readonly oneAtZero: boolean;
}

export function packageCount(quantity: Exact, price: Omit<PackagePrice, 'amount'>): Exact {
  const packages = ceiling(most(Exact.zero, quantity.subtract(price.freeUnits)).divide(price.size));
  return price.oneAtZero && quantity.isZero() ? most(packages, Exact.one) : packages;
}

export function pricePackage(quantity: Exact, price: PackagePrice): Priced {
  const sum = new Sum();
  sum.multiply(`packages of ${price.size.toString()}`, packageCount(quantity, price), price.amount);
  return sum.priced();
}
