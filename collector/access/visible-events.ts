// Which live events a viewpoint sees: what an event is about decides, as it does where the same is read.
import type { EventFilter } from '../api/event-hub.ts';
import { sees, type Viewpoint } from '../../common/model/viewpoint.ts';

export function visibleEvents(viewpoint: Viewpoint): EventFilter {
  if (viewpoint.everything) return () => true;
  return (kind, data) => {
    switch (kind) {
      case 'alarm':
      case 'problem':
        return typeof data['resource'] === 'string' && sees(viewpoint, data['resource']);
      case 'event':
        return seesEvent(viewpoint, data['device'], data['interfaceKey']);
      case 'poll':
      case 'device':
        return typeof data['device'] === 'string' && sees(viewpoint, data['device']);
      case 'applied':
        // Of agents, which belong to nobody's part of the network.
        return false;
      case 'resync':
        return true;
    }
  };
}

function seesEvent(viewpoint: Viewpoint, device: unknown, interfaceKey: unknown): boolean {
  if (typeof device !== 'string') return false;
  return sees(viewpoint, typeof interfaceKey === 'string' ? `${device}/${interfaceKey}` : device);
}
