import { InvalidInput } from '../lib/errors.ts';
import { PlanName } from '../lib/protect/plan-name.ts';

/** The value of --plan. */
export function planIn(text: string): string {
  if (PlanName.safeParse(text).success) return text;
  throw new InvalidInput(
    `--plan is "${text}"; give a name of a-z, 0-9 and -, of at most 30 of them, such as nightly.`,
  );
}
