// How an SMTP server stands in a configuration, for whatever sends mail through one.
import { z } from 'zod';

export const smtpFields = {
  host: z.string().min(1),
  port: z.number().int().min(1).max(65_535).default(587),
  security: z.enum(['none', 'starttls', 'tls']).default('starttls'),
  user: z.string().min(1).optional(),
  password: z.string().min(1).optional(),
  from: z.string().min(3).max(300),
};
