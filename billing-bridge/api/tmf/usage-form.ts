// Rated usage as TMF635 has it: a charge, with what was used in its window and what it costs. Pure.
import { isoTime } from '../../../common/model/time.ts';
import type { Charge } from '../../rate/charge-store.ts';
import { moneyOf } from './customer-bill-form.ts';
import type { Resource } from './tmf-query.ts';

export const USAGE_URL = '/tmf-api/usageManagement/v4';

export const USAGE_ATTRIBUTES = [
  'id',
  'href',
  'description',
  'usageDate',
  'usageType',
  'ratedProductUsage',
  'relatedParty',
  'status',
  'usageCharacteristic',
  'usageSpecification',
  '@baseType',
  '@schemaLocation',
  '@type',
];

export const SPECIFICATION_ATTRIBUTES = [
  'id',
  'href',
  'description',
  'isBundle',
  'lastUpdate',
  'lifecycleStatus',
  'name',
  'version',
  'attachment',
  'constraint',
  'entitySpecRelationship',
  'relatedParty',
  'specCharacteristic',
  'targetEntitySchema',
  'validFor',
  '@baseType',
  '@schemaLocation',
  '@type',
];

/** Octets, or samples of them, of ports; each kind of price makes usage of its own kind. */
const KINDS: Readonly<Record<string, string>> = {
  flat: 'a service that was there, whatever it used',
  per_unit: 'octets at a price a unit',
  graduated: 'octets at a price for each tier',
  volume: 'octets at the price of the tier that holds them all',
  package: 'octets in packages',
  stairstep: 'octets at a fixed price for each step',
  time_of_day: 'octets at the price of the hour',
  percentile: 'a percentile of samples, with a commit',
};

export function usageTmfForm(charge: Charge, billed: boolean): Resource {
  const id = charge.id.toString();
  const text = (name: string, value: string): Resource => ({ name, value, valueType: 'string' });
  return {
    id,
    href: `${USAGE_URL}/usage/${id}`,
    usageDate: isoTime(charge.windowStartMs),
    usageType: charge.kind,
    description: `${charge.itemName} of ${charge.service}`,
    status: billed ? 'billed' : charge.version > 1 ? 'rerated' : 'rated',
    relatedParty: [{ id: charge.customer, role: 'customer', '@type': 'RelatedParty', '@referredType': 'Organization' }],
    usageCharacteristic: [
      text('quantity', charge.quantity),
      text('unit', charge.unit),
      text('service', charge.service),
      text('item', charge.item),
      text('windowEnd', isoTime(charge.windowEndMs)),
      text('version', charge.version.toString()),
      text('usageRecords', charge.usageRecords.toString()),
      text('exactAmount', charge.amount),
    ],
    ratedProductUsage: [
      {
        ratingDate: isoTime(charge.ratedAtMs),
        isBilled: billed,
        ratingAmountType: 'total',
        usageRatingTag: 'usage',
        offerTariffType: charge.plan,
        taxExcludedRatingAmount: moneyOf(
          charge.amount.includes('/') ? decimalOf(charge.amount) : charge.amount,
          charge.currency,
        ),
        productRef: { id: charge.service, '@type': 'ProductRef', '@referredType': 'Product' },
        '@type': 'RatedProductUsage',
      },
    ],
    usageSpecification: specificationRef(charge.kind),
    '@type': 'Usage',
  };
}

export function specifications(): Resource[] {
  return Object.entries(KINDS).map(([id, description]) => ({
    id,
    href: `${USAGE_URL}/usageSpecification/${id}`,
    name: id,
    description,
    version: '1',
    isBundle: false,
    lifecycleStatus: 'active',
    specCharacteristic: [
      'quantity',
      'unit',
      'service',
      'item',
      'windowEnd',
      'version',
      'usageRecords',
      'exactAmount',
    ].map((name) => ({
      id: name,
      name,
      valueType: 'string',
      configurable: false,
    })),
    '@type': 'UsageSpecification',
  }));
}

function specificationRef(kind: string): Resource {
  return {
    id: kind,
    href: `${USAGE_URL}/usageSpecification/${kind}`,
    name: kind,
    '@type': 'UsageSpecificationRef',
    '@referredType': 'UsageSpecification',
  };
}

/** Ten places of a fraction, cut: the exact amount stands beside it as text. */
function decimalOf(fraction: string): string {
  const [above = '0', below = '1'] = fraction.split('/');
  const scaled = (BigInt(above) * 10n ** 10n) / BigInt(below);
  const sign = scaled < 0n ? '-' : '';
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(11, '0');
  return `${sign}${digits.slice(0, -10)}.${digits.slice(-10)}`;
}
