// KPIs as data: the schema of their file, and what a definition is once its formula is checked.
import { z } from 'zod';
import { parseConfiguration, readConfigurationFile } from '../../common/runtime/configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { type Formula, metricsOf, parseFormula } from './formula.ts';

export const RESOURCE_KINDS = ['device', 'interface'] as const;
export type ResourceKind = (typeof RESOURCE_KINDS)[number];

export interface KpiDefinition {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** As it was written. */
  readonly text: string;
  readonly formula: Formula;
  readonly unit: string;
  readonly resources: readonly ResourceKind[];
  readonly direction: 'higher-is-better' | 'lower-is-better';
  readonly thresholds: { readonly warning: number; readonly critical: number } | null;
}

export interface KpiVocabulary {
  /** Throws where the store has no such metric, or none that can be asked for so. */
  readonly checkMetric: (metric: string, wanted: 'last' | 'avg' | 'delta') => void;
  readonly alarmTypes: readonly string[];
}

const MAX_KPIS = 200;

function fileSchema(vocabulary: KpiVocabulary) {
  const kpi = z
    .strictObject({
      name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'expected small letters, digits and hyphens'),
      title: z.string().min(1).max(200),
      description: z.string().max(2000).default(''),
      formula: z.string(),
      unit: z.enum(['%', '1', 'ms', 's', 'bit/s', 'packet/s', 'octet/s']),
      resources: z.array(z.enum(RESOURCE_KINDS)).min(1),
      direction: z.enum(['higher-is-better', 'lower-is-better']),
      thresholds: z.strictObject({ warning: z.number(), critical: z.number() }).optional(),
    })
    .transform((kpi, context): KpiDefinition => {
      const { formula: text, thresholds = null, ...rest } = kpi;
      try {
        const formula = parseFormula(text);
        checkNames(formula, vocabulary);
        return { ...rest, text, formula, thresholds };
      } catch (error) {
        if (!(error instanceof WeirError)) throw error;
        context.addIssue({ code: 'custom', path: ['formula'], message: error.message });
        return z.NEVER;
      }
    });
  return z.strictObject({ kpis: z.array(kpi).max(MAX_KPIS) });
}

/** Of several files; a later one may replace a KPI of an earlier. Throws configuration_invalid with the path in the file. */
export function readKpis(files: readonly string[], vocabulary: KpiVocabulary): ReadonlyMap<string, KpiDefinition> {
  const found = new Map<string, KpiDefinition>();
  for (const file of files)
    for (const kpi of kpisOf(readConfigurationFile(file), file, vocabulary)) found.set(kpi.name, kpi);
  return found;
}

export function kpisOf(text: string, file: string, vocabulary: KpiVocabulary): readonly KpiDefinition[] {
  const schema = fileSchema(vocabulary).superRefine(({ kpis }, context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of kpis.entries()) {
      if (seen.has(name))
        context.addIssue({ code: 'custom', path: ['kpis', index, 'name'], message: 'is there twice' });
      seen.add(name);
    }
  });
  return parseConfiguration(text, file, schema).kpis;
}

function checkNames(formula: Formula, { checkMetric, alarmTypes }: KpiVocabulary): void {
  const wanted = { share: 'last', statistic: 'avg', ratio: 'delta', mean_time: 'avg' } as const;
  for (const metric of metricsOf(formula)) checkMetric(metric, wanted[formula.kind]);
  if (formula.kind !== 'mean_time') return;
  const unknown = formula.alarms.find((type) => !alarmTypes.includes(type));
  if (unknown !== undefined)
    throw new WeirError('kpi_invalid', `There is no type of alarm ${unknown}.`, { alarmTypes });
}
