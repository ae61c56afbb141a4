/** The content of a job's configuration file: who it is and its parameters. Pure. */
import type { ConfigFileRequest, JobIdentity } from '../plan/container-spec.js';

/** What goes into the file. */
export interface ConfigFileFacts {
  readonly job: JobIdentity;
  readonly runId: string;
  readonly attempt: number;
  readonly parameters: unknown;
  readonly format: ConfigFileRequest['format'];
}

/**
 * `{ job: { id, slug, runId, attempt, version }, parameters }` as indented JSON, as YAML, or compact (`binary`); `text` is the parameters alone, as they are if they
 * are a text and else as JSON. After the Docker Job Runtime document's software.
 */
export async function renderConfigFile(facts: ConfigFileFacts): Promise<Uint8Array> {
  const { job, runId, attempt, parameters, format } = facts;
  const document = {
    job: { id: job.id, slug: job.slug, runId, attempt, version: job.version },
    parameters,
  };
  return new TextEncoder().encode(await render(document, format));
}

async function render(
  document: { readonly parameters: unknown },
  format: ConfigFileRequest['format'],
): Promise<string> {
  switch (format) {
    case 'json':
      return `${JSON.stringify(document, null, 2)}\n`;
    case 'yaml': {
      // Loaded only where it is used: it would be a good part of the whole import.
      const { stringify } = await import('yaml');
      // Quoted so that readers of YAML 1.1, such as PyYAML, take no text such as `no` or `1:20` for something else.
      return stringify(document, { compat: 'yaml-1.1', aliasDuplicateObjects: false });
    }
    case 'binary':
      return JSON.stringify(document);
    case 'text':
      return typeof document.parameters === 'string'
        ? document.parameters
        : JSON.stringify(document.parameters);
  }
}
