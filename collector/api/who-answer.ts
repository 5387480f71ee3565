// Whose token it is: the form of that answer.
import { z } from 'zod';

export const whoAnswer = z.object({
  name: z.string(),
  role: z.string(),
  scope: z
    .object({ sites: z.array(z.string()), customers: z.array(z.string()) })
    .nullable()
    .describe('null: everything'),
});
export type WhoAnswer = z.output<typeof whoAnswer>;
