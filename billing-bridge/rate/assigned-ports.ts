// Assigned ports: so much for each port that is bound to the service, for the part of the period that it is.
import { Exact } from '../../common/model/exact.ts';
import { type Priced, Sum } from './working.ts';

/** The part of the period that one port was bound, as days or milliseconds as the period is counted. */
export interface AssignedPart {
  readonly covered: bigint;
  readonly whole: bigint;
}

/** Ports bound over the period on average, exact. */
export function assignedPorts(parts: readonly AssignedPart[]): Exact {
  return parts.reduce((sum, { covered, whole }) => sum.add(Exact.ratio(covered, whole)), Exact.zero);
}

export function priceAssignedPorts(parts: readonly AssignedPart[], price: Exact): Priced {
  const sum = new Sum();
  sum.multiply(`${parts.length} bound, each for its part of the period`, assignedPorts(parts), price);
  return sum.priced();
}
