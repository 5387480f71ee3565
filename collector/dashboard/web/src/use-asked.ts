// What is asked for once, on a click: the last answer, why there was none the last time, and whether one is under way.
import { useState } from 'preact/hooks';

export interface Asked<T> {
  readonly found: T | null;
  readonly problem: string | null;
  readonly asking: boolean;
  readonly ask: () => Promise<void>;
}

export function useAsked<T>(question: () => Promise<T>): Asked<T> {
  const [found, setFound] = useState<T | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const ask = async (): Promise<void> => {
    setAsking(true);
    try {
      setFound(await question());
      setProblem(null);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setAsking(false);
    }
  };
  return { found, problem, asking, ask };
}
