import { OneRowProgress } from './one-row-progress.ts';
import type { Output } from './output.ts';

const PHASES = {
  PlanCollection: 'looking',
  DeleteObjects: 'deleting',
  CompactServers: 'compacting',
  CloseCollection: 'cleaning up',
};

/** Shows a collection's progress as one row. */
export class CollectProgress extends OneRowProgress {
  constructor(output: Output) {
    super(output, {
      label: 'bank',
      noun: { one: 'collection', many: 'collections' },
      phases: PHASES,
    });
  }

  /** Each phase counts its own bytes. */
  protected override enter(phase: string): void {
    const { id, label } = this.row;
    this.row = { id, label, state: 'running', phase };
    this.show({});
  }
}
