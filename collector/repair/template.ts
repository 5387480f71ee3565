// Object identifiers and values with places such as {ifIndex}, filled from what is known of the resource. Pure.

/** What a recipe may name: of an interface its numbers and names, of a part of a device its index. */
export const PLACES = ['ifIndex', 'ifName', 'ifDescr', 'part', 'index'] as const;
export type Place = (typeof PLACES)[number];
export type Known = Readonly<Partial<Record<Place, string>>>;

const PLACE = /\{([A-Za-z]+)\}/g;

/** Names in braces that no recipe knows. */
export function unknownPlaces(text: string): string[] {
  return [...text.matchAll(PLACE)].map(([, name = '']) => name).filter((name) => !isPlace(name));
}

/** The places of a text that are not known here. */
export function missingPlaces(text: string, known: Known): string[] {
  return [...text.matchAll(PLACE)].map(([, name = '']) => name).filter((name) => !isPlace(name) || !known[name]);
}

export function filled(text: string, known: Known): string {
  return text.replaceAll(PLACE, (all, name: string) => (isPlace(name) ? (known[name] ?? all) : all));
}

function isPlace(name: string): name is Place {
  return PLACES.some((place) => place === name);
}

/** How {index} is made of another place: `match` with groups, `as` with $1, $2 …; null where it does not fit. */
export interface IndexRule {
  readonly from: Exclude<Place, 'index'>;
  readonly match: RegExp;
  readonly as: string;
}

/** Only digits and dots come out: it stands in an object identifier, and names come from devices. */
export function indexOf({ from, match, as }: IndexRule, known: Known): string | null {
  const text = known[from];
  const groups = text === undefined || text.length > MOST_CHARACTERS ? null : match.exec(text);
  if (groups === null) return null;
  const index = as.replaceAll(/\$(\d)/g, (_, group: string) => groups[Number(group)] ?? '');
  return /^\d{1,10}(\.\d{1,10}){0,20}$/.test(index) ? index : null;
}

const MOST_CHARACTERS = 255;
