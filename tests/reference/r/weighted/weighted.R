# Reference values for weighted fits (tests/unit/test_weighted_models.py): probability weights, strata, clusters.
# Run in this folder: Rscript weighted.R   (R 4.2.2, survey 4.1-1, sandwich 3.0-2, MASS 7.3-58.2)
suppressMessages({
  library(survey)
  library(sandwich)
  library(MASS)
})
options(survey.lonely.psu = "adjust")

data <- read.csv("inputs.csv")
data$form <- factor(data$form, levels = c("single", "hybrid", "interrupted"))
data$wave <- factor(data$wave)
data$ordered <- factor(data$stage)
rhs <- "form * x + I(x^2) + z + wave"
results <- NULL

rename <- function(terms) {
  terms <- sub("^\\(Intercept\\)$", "Intercept", terms)
  terms <- gsub("form(hybrid|interrupted)", "form[\\1]", terms)
  terms <- gsub("wave([0-9])", "wave[\\1]", terms)
  terms <- sub("I\\(x\\^2\\)", "I(x ^ 2)", terms)
  sub("^([0-9])\\|([0-9])$", "threshold[\\1|\\2]", terms)
}
keep <- function(model, quantity, values, terms = names(values)) {
  rows <- data.frame(model = model, quantity = quantity, term = rename(terms), value = sprintf("%.15g", values))
  results <<- rbind(results, rows)
}
equation <- function(outcome) as.formula(paste(outcome, "~", rhs))
tight <- list(epsilon = 1e-14, maxit = 100)

# --- design-based: the whole sample, a domain (x above -1), and with a finite population -------------------------------
design <- svydesign(~firm, strata = ~stratum, weights = ~weight, data = data)
finite <- svydesign(~firm, strata = ~stratum, weights = ~weight, fpc = ~size, data = data)
for (kind in c("whole", "domain", "finite")) {
  chosen <- switch(kind, whole = design, domain = subset(design, x > -1), finite = finite)
  fit <- svyglm(equation("growth"), chosen)
  keep(paste("ols", kind), "estimate", coef(fit))
  keep(paste("ols", kind), "design", sqrt(diag(vcov(fit))))
  keep(paste("ols", kind), "df", fit$df.residual, "df")
  keep(paste("ols", kind), "p", summary(fit)$coefficients[, 4])
  # svyglm keeps the working weights of the last step but one, so the standard errors are of the converged fit.
  fit <- svyglm(equation("equity"), chosen, family = quasibinomial, control = tight)
  fit <- svyglm(equation("equity"), chosen, family = quasibinomial, control = tight, start = coef(fit))
  keep(paste("logit", kind), "estimate", coef(fit))
  keep(paste("logit", kind), "design", sqrt(diag(vcov(fit))))
  keep(paste("logit", kind), "df", fit$df.residual, "df")
  # svyolr climbs by BFGS and differences the gradient for its Hessian.
  fit <- svyolr(equation("ordered"), chosen, control = list(reltol = 1e-25, maxit = 5000, ndeps = rep(1e-5, 14)))
  keep(paste("ordered_logit", kind), "estimate", coef(fit))
  keep(paste("ordered_logit", kind), "design", sqrt(diag(vcov(fit))), names(coef(fit)))
  keep(paste("ordered_logit", kind), "df", fit$df.residual, "df")
}
# Negative binomial: survey has none; weighted maximum likelihood with the scores of its coefficients in svyrecvar.
counts <- glm.nb(equation("patents"), data, weights = weight, control = glm.control(epsilon = 1e-14, maxit = 300))
theta <- theta.ml(data$patents, fitted(counts), sum(data$weight), data$weight, limit = 200, eps = 1e-14)
keep("negative_binomial whole", "estimate", c(coef(counts), alpha = 1 / as.numeric(theta)))
influence <- estfun(counts) %*% vcov(counts)
keep("negative_binomial whole", "design", sqrt(diag(svyrecvar(influence, design$cluster, design$strata, design$fpc))),
     names(coef(counts)))

# --- weighted, clustered or HC3 --------------------------------------------------------------------------------------
ols <- lm(equation("growth"), data, weights = weight)
keep("ols", "HC3", sqrt(diag(vcovHC(ols, type = "HC3"))))
keep("ols", "cluster", sqrt(diag(vcovCL(ols, cluster = data$firm))))
keep("ols", "fit", c(summary(ols)$r.squared, summary(ols)$adj.r.squared), c("r_squared", "r_squared_adjusted"))
logit <- suppressWarnings(glm(equation("equity"), quasibinomial, data, weights = weight, control = tight))
keep("logit", "cluster", sqrt(diag(vcovCL(logit, cluster = data$firm))))
# Weights of mean 1: nobs() of polr is the sum of its weights, so sandwich would scale by that sum over the rows.
data$even <- data$weight / mean(data$weight)
ordered <- polr(equation("ordered"), data, weights = even, Hess = TRUE,
                control = list(reltol = 1e-25, maxit = 5000, ndeps = rep(1e-5, 14)))
both <- c(coef(ordered), ordered$zeta)
keep("ordered_logit", "cluster", sqrt(diag(vcovCL(ordered, cluster = data$firm))), names(both))
keep("negative_binomial", "cluster", sqrt(diag(vcovCL(counts, cluster = data$firm))))

# --- absorbed intercepts of firms: dummies; of firms seen once the rows are left out ----------------------------------
repeated <- data[ave(data$firm, data$firm, FUN = length) > 1, ]
dummies <- lm(growth ~ x + z + factor(firm), repeated, weights = weight)
keep("within", "estimate", coef(dummies)[c("x", "z")])
keep("within", "HC3", sqrt(diag(vcovHC(dummies, type = "HC3")))[c("x", "z")])
slopes <- model.matrix(~ x + z, repeated)[, -1]
inside <- apply(slopes, 2, function(v) {
  v - ave(v * repeated$weight, repeated$firm, FUN = sum) / ave(repeated$weight, repeated$firm, FUN = sum)
})
bread <- solve(crossprod(inside, repeated$weight * inside))
scores <- inside * repeated$weight * residuals(dummies)
sums <- rowsum(scores, repeated$firm)
g <- nrow(sums)
n <- nrow(repeated)
keep("within", "cluster", sqrt(diag(bread %*% crossprod(sums) %*% bread) * g / (g - 1) * (n - 1) / (n - 3)), c("x", "z"))
alone <- svydesign(~firm, strata = ~stratum, weights = ~weight, data = repeated)
keep("within", "design", sqrt(diag(svyrecvar(scores %*% bread, alone$cluster, alone$strata, alone$fpc))), c("x", "z"))

# --- contrasts of average adjusted predictions over the weighted rows -------------------------------------------------
share <- data$weight / sum(data$weight)
average <- function(cov, params, predict_at) {
  gradient <- sapply(seq_along(params), function(i) {
    step <- 1e-5
    up <- down <- params
    up[i] <- up[i] + step
    down[i] <- down[i] - step
    (predict_at(up) - predict_at(down)) / (2 * step)
  })
  c(estimate = predict_at(params), std_error = sqrt(drop(gradient %*% cov %*% gradient)))
}
at_form <- function(level) {
  changed <- data
  changed$form <- factor(level, levels = levels(data$form))
  model.matrix(as.formula(paste("~", rhs)), changed)
}
hybrid <- at_form("hybrid")
others <- list(at_form("single"), at_form("interrupted"))
record <- function(model, cov, params, response) {
  values <- average(cov, params, function(b) {
    sum(share * (response(hybrid, b) - (response(others[[1]], b) + response(others[[2]], b)) / 2))
  })
  keep(model, "hybrid minus others", values, names(values))
}
fit <- svyglm(equation("growth"), design)
record("ols whole", vcov(fit), coef(fit), function(m, b) drop(m %*% b))
fit <- svyglm(equation("equity"), design, family = quasibinomial, control = tight)
fit <- svyglm(equation("equity"), design, family = quasibinomial, control = tight, start = coef(fit))
record("logit whole", vcov(fit), coef(fit), function(m, b) drop(plogis(m %*% b)))
fit <- svyolr(equation("ordered"), design, control = list(reltol = 1e-25, maxit = 5000, ndeps = rep(1e-5, 14)))
record("ordered_logit whole", vcov(fit), coef(fit), function(m, b) {
  drop(plogis(m[, -1] %*% b[seq_len(ncol(m) - 1)] - b[ncol(m) + 2]))
})

write.csv(results, "values.csv", row.names = FALSE, quote = TRUE, eol = "\n")
