import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ErrorClass, errorClasses } from '../error-classes.ts';

export const ERRORS_PAGE = join(import.meta.dirname, '..', '..', 'docs', 'errors.md');

const PARTS: readonly [string, RegExp][] = [
  ['Everywhere', /^lib\/errors\.ts$|^lib\/[a-z-]+\.ts$/],
  ['The cloud', /^lib\/(openstack|http)\//],
  ['Events and the webhook', /^lib\/events\//],
  ['Backup', /^lib\/protect\//],
  ['Disk images', /^lib\/disk\//],
  ['Bank', /^lib\/bank\/(?!register|store)/],
  ['Records', /^lib\/bank\/register\//],
  ['Stores', /^lib\/bank\/store\//],
  ['Restore', /^lib\/restore\//],
  ['Verification and retention', /^lib\/(verify|prune)\//],
  ['The command and its executions', /^(cli|local)\//],
];

/** docs/errors.md, made from the classes. */
export function errorsPage(): string {
  const classes = errorClasses();
  const sections = PARTS.map(([title, files]) =>
    section(
      title,
      classes.filter(({ file }) => files.test(file)),
    ),
  );
  return `# Errors

Made from the error classes by \`npm run docs:errors\`. The name is what the command shows, what \`--json\` gives as \`name\`, and what a state machine matches.

${sections.filter((text) => text !== '').join('\n')}`;
}

function section(title: string, classes: readonly ErrorClass[]): string {
  if (classes.length === 0) return '';
  const rows = classes
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .map(({ name, when, remedy }) => `| \`${name}\` | ${cell(when)} | ${cell(remedy)} |`);
  return `## ${title}\n\n| error | when | what to do |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll("\\'", "'").replaceAll('|', '\\|');
}

if (process.argv[1] === import.meta.filename) writeFileSync(ERRORS_PAGE, errorsPage());
