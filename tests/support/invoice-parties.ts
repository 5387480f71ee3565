// A seller and its buyers for tests of invoices.
import type { LegalEntity } from '../../billing-bridge/bill/legal-entity.ts';
import { legalEntityOf, legalEntitySchema } from '../../billing-bridge/invoice-schema.ts';

export const ADDRESS = { lines: ['Wehrstraße 1'], postal_code: '10115', city: 'Berlin', country: 'DE' };

export function legalEntity(more: object = {}): LegalEntity {
  return legalEntityOf(
    legalEntitySchema.parse({
      id: 'weir-net',
      name: 'Weir Networks GmbH',
      address: ADDRESS,
      tax_id: 'DE123456789',
      registration: 'HRB 1234, Amtsgericht Berlin',
      email: 'billing@weir.example',
      payment: 'Please pay to DE02 1203 0000 0000 2020 51',
      ...more,
    }),
  );
}

/** What a customer states to get invoices. */
export const BUYER = {
  legal_entity: 'weir-net',
  legal_name: 'Acme S.à r.l.',
  address: { lines: ['1, rue de la Gare'], postal_code: 'L-1611', city: 'Luxembourg', country: 'LU' },
  tax_id: 'LU12345678',
  email: 'ap@acme.example',
};
