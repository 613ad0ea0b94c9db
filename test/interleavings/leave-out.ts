import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { rules } from './rules.ts';

/** `SNAPBANK_LEFT_OUT=RULE node --import ./test/interleavings/leave-out.ts …`: the code as it would be without that rule. */
const name = process.env['SNAPBANK_LEFT_OUT'] ?? '';
const rule = rules[name];
if (rule === undefined)
  throw new Error(`No rule "${name}"; there are ${Object.keys(rules).join(', ')}.`);
const root = new URL('../../', import.meta.url).href;

registerHooks({
  load(url, context, nextLoad) {
    const edits = rule.edits.filter(({ file }) => url === `${root}${file}`);
    if (edits.length === 0) return nextLoad(url, context);
    let source = readFileSync(fileURLToPath(url), 'utf8');
    for (const { find, put } of edits) source = source.replace(find, () => put);
    return { format: 'module-typescript', source, shortCircuit: true };
  },
});
