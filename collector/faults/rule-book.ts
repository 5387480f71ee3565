// The rules of each device: those of all, and what overrides change of them for its name, its site or its tags.
import type { Reporter } from '../../common/runtime/reporter.ts';
import { DEFAULT_FAULTS, type FaultRules, type FaultsConfig, rulesWith } from './fault-rules.ts';
import { type TrapRule, withTrapRules } from './trap-rules.ts';
import { isFor, type OverriddenDevice } from './rule-overrides.ts';

/** Devices whose rules are remembered. */
const MAX_DEVICES = 50_000;

interface Known {
  readonly site: string | null;
  readonly tags: readonly string[];
  readonly rules: FaultRules;
}

export class RuleBook {
  readonly #reporter: Reporter;
  readonly #labelsOf: (device: string) => Omit<OverriddenDevice, 'name'>;
  readonly #trapRules: readonly TrapRule[];
  #config: FaultsConfig = DEFAULT_FAULTS;
  #usual: FaultRules = DEFAULT_FAULTS.rules;
  /** By which overrides they have: many devices share them. */
  #shared = new Map<string, FaultRules>();
  #known = new Map<string, Known>();

  /** `trapRules`: those that come with Weir. */
  constructor(
    reporter: Reporter,
    config: FaultsConfig,
    labelsOf: (device: string) => Omit<OverriddenDevice, 'name'>,
    trapRules: readonly TrapRule[] = [],
  ) {
    this.#reporter = reporter;
    this.#labelsOf = labelsOf;
    this.#trapRules = trapRules;
    this.replace(config);
  }

  /** Those that no device changes. */
  get rules(): FaultRules {
    return this.#usual;
  }

  /** As they are configured. */
  get config(): FaultsConfig {
    return this.#config;
  }

  /** The configuration was read again: the next poll of each device is judged by it. */
  replace(config: FaultsConfig): void {
    this.#config = config;
    this.#usual = withTrapRules(config.rules, this.#trapRules);
    this.#shared = new Map();
    this.#known = new Map();
  }

  of(device: string): FaultRules {
    const { overrides } = this.#config;
    if (overrides.length === 0) return this.#usual;
    const { site, tags } = this.#labelsOf(device);
    const known = this.#known.get(device);
    // The tags of a device are replaced as a whole, never changed.
    if (known !== undefined && known.site === site && known.tags === tags) return known.rules;
    if (this.#known.size >= MAX_DEVICES) this.#known.clear();
    const made = this.#resolve({ name: device, site, tags });
    this.#known.set(device, { site, tags, rules: made });
    return made;
  }

  #resolve(device: OverriddenDevice): FaultRules {
    const { overrides } = this.#config;
    const fitting = overrides.flatMap((override, at) => (isFor(override, device) ? [at] : []));
    if (fitting.length === 0) return this.#usual;
    const name = fitting.join(' ');
    const held = this.#shared.get(name);
    if (held !== undefined) return held;
    const { made: changed, left } = rulesWith(this.#config, fitting);
    const made = withTrapRules(changed, this.#trapRules);
    if (left.length > 0)
      this.#reporter.warn('overrides of fault rules contradict each other, the later is left out', {
        device: device.name,
        overrides: left.join(', '),
      });
    this.#shared.set(name, made);
    return made;
  }
}
