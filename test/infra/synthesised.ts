import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { AwsSolutionsChecks } from 'cdk-nag';
import { PROJECT_ROOT } from '../../infra/definitions.ts';
import { readSettings, Settings } from '../../infra/settings.ts';
import { SnapbankStack } from '../../infra/stack.ts';

/** The settings that come with the project, with some changed. */
export function settingsWith(changes: Partial<Settings> = {}): Settings {
  return Settings.parse({ ...readSettings(), ...changes });
}

/** The template of a stack of these settings, without bundles. Throws what cdk-nag finds. */
export function synthesise(settings: Settings): Template {
  const directory = mkdtempSync(join(tmpdir(), 'snapbank-synth-'));
  try {
    const app = new App({ outdir: join(directory, 'out') });
    const containerDirectory = join(directory, 'container');
    mkdirSync(containerDirectory);
    copyFileSync(
      join(PROJECT_ROOT, 'functions', 'container', 'Dockerfile'),
      join(containerDirectory, 'Dockerfile'),
    );
    const stack = new SnapbankStack(app, {
      containerDirectory,
      settings,
      codeOf: () => Code.fromInline('exports.handler = () => {};'),
    });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    app.synth();
    return Template.fromStack(stack);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
