import { BankIsCopy, UnsupportedBank } from './errors.ts';
import { StoreRefused } from './store/errors.ts';

/** Whether a write failed because the bank may only be read, by the store or by what it is: there are readers that go on. */
export function refusesWrites(
  error: unknown,
): error is StoreRefused | UnsupportedBank | BankIsCopy {
  return (
    error instanceof StoreRefused || error instanceof UnsupportedBank || error instanceof BankIsCopy
  );
}
