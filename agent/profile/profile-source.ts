// A profile as a catalogue holds it: what it is for at once, what it reads only when a device is of that kind.
import { headerSchema, type Match, type ProfileFile, profileSchema } from './schema.ts';

export interface ProfileSource {
  readonly name: string;
  /** As in the file: undefined is base, null is nothing. */
  readonly extends: string | null | undefined;
  readonly matches: readonly Match[];
  /** All of it; read once. */
  whole(): ProfileFile;
}

/** Of a file that is at hand as a whole. */
export function sourceOf(file: ProfileFile): ProfileSource {
  return { name: file.name, extends: file.extends, matches: file.matches, whole: () => file };
}

/** What a build keeps of a profile that it has found sound: its head, and all of it as JSON. */
export interface BuiltProfile {
  readonly head: unknown;
  readonly text: string;
}

/** Of a profile that a build has found sound. 200 profiles are some megabytes as objects, and a network has a dozen of them. */
export function builtSource({ head, text }: BuiltProfile): ProfileSource {
  const { name, matches, extends: parent } = headerSchema.parse(head);
  let file: ProfileFile | null = null;
  return { name, extends: parent, matches, whole: () => (file ??= profileSchema.parse(JSON.parse(text))) };
}
