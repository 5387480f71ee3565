// The policy of which interfaces are wanted up, in the configuration.
import { z } from 'zod';
import { pattern } from './rule-fields.ts';

export const wantedSchema = z
  .strictObject({
    /** Of an ifAlias that says it; any text does. */
    aliases: z.array(pattern).max(50).default(['\\S']),
    /** Of names of interfaces that are wanted up, and of those that never are. */
    names: z.array(pattern).max(50).default([]),
    not_names: z.array(pattern).max(50).default([]),
    /** One on which a device of ours is, or was, a neighbour. */
    neighbours: z.boolean().default(true),
    /** One to which a service is bound. */
    services: z.boolean().default(true),
    /** One that nothing of that speaks for: always, never, or where no interface of its device has such a sign. */
    without_sign: z.enum(['where_no_interface_has_one', 'wanted', 'silent']).default('where_no_interface_has_one'),
  })
  .prefault({});
