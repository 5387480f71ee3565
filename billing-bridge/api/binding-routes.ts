// One step for a port that vanished from a service: its binding ends, or goes on with the port that took its place.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { principalOf } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Ledger } from '../ledger.ts';
import { MONEY_WRITERS } from './access.ts';
import { describeService } from './forms.ts';
import { serviceForm } from './schemas.ts';

const port = { device: z.string().min(1).max(255), interface: z.string().min(1).max(255) };

export function addBindingRoutes(routes: DescribedRoutes, ledger: Ledger, clock: Clock): void {
  routes.add(
    {
      method: 'POST',
      url: '/billing/v1/services/:id/rebinding',
      access: MONEY_WRITERS,
      summary: 'Ends the binding of a port, or moves it to another; usage and charges since then are rated anew.',
      params: z.object({ id: z.string().max(300) }),
      body: z.strictObject({
        ...port,
        to: z.strictObject(port).nullable().default(null).describe('the port that takes its place; null ends it'),
        at: z.iso
          .datetime({ offset: true })
          .optional()
          .describe('from when on; absent: from when the port was read last, where it vanished, else now'),
        reason: z.string().min(1).max(300),
      }),
      answer: serviceForm,
    },
    async ({ params: { id }, body, principal }) => {
      const { name, role } = principalOf(principal);
      const { device, interface: interfaceKey, to, reason } = body;
      const vanished = body.at === undefined ? await ledger.rating.vanishedAt(id, device, interfaceKey) : null;
      const atMs = body.at === undefined ? (vanished ?? clock.now()) : Date.parse(body.at);
      const asked = { device, interface: interfaceKey, to, atMs };
      return describeService(await ledger.accounts.rebind(id, asked, { name, role, reason }));
    },
  );
}
