import { afterAll, beforeAll } from 'vitest';
import { Guests } from './guests.ts';
import type { Lab } from './lab.ts';
import { connectLab } from './lab.ts';
import { Snapbank } from './snapbank.ts';

/** What the tests of one file work with; filled before the first of them, emptied after the last. */
export interface Stage {
  lab: Lab;
  guests: Guests;
  snapbank: Snapbank;
}

interface StageOptions {
  /** Where the bank is, and what is needed to reach it; a temporary directory by default. */
  bank?: string;
  env?: Readonly<Record<string, string>>;
}

/** The lab, and a new bank. `prepare` makes what the tests need; servers and images go away in any case. */
export function useStage(
  prepare: (stage: Stage) => Promise<void>,
  options: StageOptions = {},
): Stage {
  const stage = {} as Stage;
  beforeAll(async () => {
    stage.lab = await connectLab();
    stage.guests = new Guests(stage.lab);
    stage.snapbank = await Snapbank.withNewBank(stage.lab, options);
    await prepare(stage);
  });
  afterAll(async () => {
    await stage.guests?.deleteAll();
    await stage.guests?.deleteSnapshots();
    await stage.snapbank?.remove();
    stage.lab?.openstack.close();
  });
  return stage;
}
