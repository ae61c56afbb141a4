/** The example of the Docker Job Runtime document, word for word, for tests. */
import type { JobDefinition } from '../../src/job/definition.js';

/** Also the proof that a constant definition is a `JobDefinition`. */
export const DOCUMENT_JOB = {
  docker: {
    image: 'registry.example.com/tools/report-runner:1.2.3',
    imagePullPolicy: 'ifNotPresent',
    entryPoint: ['/usr/local/bin/run'],
    command: ['--config', '/workspace/config/run.json'],
    args: ['--verbose'],
    workingDirectory: '/workspace',
    workspaceMountPath: '/workspace',
    networkMode: 'none',
    requiresGpu: false,
    environment: [
      { name: 'NODE_ENV', value: 'production' },
      { name: 'API_TOKEN', secret: { source: 'store', key: 'docker-jobs/api-token' } },
    ],
    configFile: {
      filename: 'config/run.json',
      mountPath: '/workspace/config/run.json',
      format: 'json',
    },
    inputs: [
      {
        id: 'bundle-config',
        source: { type: 'filestorePath', backendMountId: 3, path: '/bundles/report/config.json' },
        workspacePath: 'inputs/config.json',
        mountPath: '/workspace/inputs/config.json',
      },
    ],
    outputs: [
      {
        id: 'report',
        workspacePath: 'outputs/report.pdf',
        upload: {
          backendMountId: 5,
          pathTemplate: 'reports/${runId}/report.pdf',
          contentType: 'application/pdf',
          overwrite: true,
        },
      },
    ],
  },
} as const satisfies JobDefinition;
