// Interfaces that carry no customer by intent, and why: rules of the configuration, read alike by whoever bills and whoever shows.

export interface InfrastructureRule {
  /** An interface key, or the beginning of one before `*`. */
  readonly interface: string;
  readonly reason: string;
}

export function isMeant({ interface: pattern }: InfrastructureRule, interfaceKey: string): boolean {
  return pattern.endsWith('*') ? interfaceKey.startsWith(pattern.slice(0, -1)) : pattern === interfaceKey;
}
