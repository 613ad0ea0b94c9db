import { parseArgs } from 'node:util';
import { bankLocations } from '../lib/bank/open-places.ts';
import { InvalidInput } from '../lib/errors.ts';
import { ROLES, type Role, roleStatements } from './role-policy.ts';

/** Prints the IAM policy of a role: npm run -s policy -- backup [--locked], with SNAPBANK_BANK and the like set. */
function policy(): unknown {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { locked: { type: 'boolean', default: false } },
  });
  const role = Object.keys(ROLES).find((name): name is Role => name === positionals[0]);
  if (role === undefined) {
    throw new InvalidInput(`Name a role: ${Object.keys(ROLES).join(', ')}.`);
  }
  const { bank, register = `${bank}/register`, work = `${bank}/work` } = bankLocations(process.env);
  const places = { bank, register, work, locked: values.locked };
  return { Version: '2012-10-17', Statement: roleStatements(role, places) };
}

try {
  process.stdout.write(`${JSON.stringify(policy(), null, 2)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
