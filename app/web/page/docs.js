// Starts Swagger UI, a plain script that ran before this module, on the document of this service.

window.SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#documentation',
  deepLinking: false,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // the validator is another host
});
