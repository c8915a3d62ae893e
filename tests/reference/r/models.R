# Reference values for tests/unit/test_estimation.py and test_predictions.py.
# Run in this folder: Rscript models.R   (R 4.2.2, sandwich 3.0-2, MASS 7.3-58.2)
library(sandwich)
library(MASS)

data <- read.csv("inputs.csv")
data$form <- factor(data$form, levels = c("single", "hybrid", "interrupted"))
data$wave <- factor(data$wave)
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

# Least squares: classical, HC3, CR1 (vcovCL's default for lm is HC1 with the cluster factor: G/(G-1) (n-1)/(n-k)).
ols <- lm(as.formula(paste("growth ~", rhs)), data)
keep("ols", "estimate", coef(ols))
keep("ols", "classical", sqrt(diag(vcov(ols))))
keep("ols", "HC3", sqrt(diag(vcovHC(ols, type = "HC3"))))
keep("ols", "cluster", sqrt(diag(vcovCL(ols, cluster = data$firm))))
keep("ols", "p_classical", summary(ols)$coefficients[, 4])
keep("ols", "fit", c(summary(ols)$r.squared, summary(ols)$adj.r.squared, logLik(ols), AIC(ols), BIC(ols)),
     c("r_squared", "r_squared_adjusted", "log_likelihood", "aic", "bic"))
smaller <- lm(growth ~ form + z, data)
change <- anova(smaller, ols)
keep("ols", "change", c(summary(ols)$r.squared - summary(smaller)$r.squared, change$F[2], change$Df[2], change$Res.Df[2],
     change$`Pr(>F)`[2]), c("r_squared_change", "f_change", "f_df1", "f_df2", "f_p_value"))
columns <- model.matrix(ols)[, -1]
keep("ols", "fit", max(diag(solve(cor(columns)))), "max_vif")

# Absorbed intercepts of firms: slopes of the regression on deviations from firm means. Firms seen once are left out.
repeated <- data[ave(data$firm, data$firm, FUN = length) > 1, ]
within <- function(v) v - ave(v, repeated$firm) + mean(v)
deviations <- data.frame(growth = within(repeated$growth), x = within(repeated$x), z = within(repeated$z))
absorbed <- lm(growth ~ x + z, deviations)
keep("within", "estimate", coef(absorbed)[-1])
keep("within", "cluster", sqrt(diag(vcovCL(absorbed, cluster = repeated$firm)))[-1])
dummies <- lm(growth ~ x + z + factor(firm), repeated)
keep("within", "classical", sqrt(diag(vcov(dummies)))[c("x", "z")])
keep("within", "HC3", sqrt(diag(vcovHC(dummies, type = "HC3")))[c("x", "z")])

# Logit; vcovCL's default for glm is HC0 with G/(G-1).
logit <- glm(as.formula(paste("equity ~", rhs)), binomial, data, control = list(epsilon = 1e-14, maxit = 50))
keep("logit", "estimate", coef(logit))
keep("logit", "classical", sqrt(diag(vcov(logit))))
keep("logit", "cluster", sqrt(diag(vcovCL(logit, cluster = data$firm))))
keep("logit", "fit", c(logLik(logit), AIC(logit), BIC(logit)), c("log_likelihood", "aic", "bic"))

# Ordered logit: polr stops early by default and differences its gradient with steps of 1e-3.
data$ordered <- factor(data$stage)
terms <- ncol(model.matrix(ols)) - 1 + nlevels(data$ordered) - 1
ordered <- polr(as.formula(paste("ordered ~", rhs)), data, Hess = TRUE,
                control = list(reltol = 1e-25, maxit = 2000, ndeps = rep(1e-5, terms)))
both <- c(coef(ordered), ordered$zeta)
keep("ordered_logit", "estimate", both)
keep("ordered_logit", "classical", sqrt(diag(vcov(ordered))))
keep("ordered_logit", "cluster", sqrt(diag(vcovCL(ordered, cluster = data$firm))), names(both))
keep("ordered_logit", "fit", logLik(ordered), "log_likelihood")

# Negative binomial; the variance is mu + alpha mu^2 with alpha = 1 / theta.
counts <- glm.nb(as.formula(paste("patents ~", rhs)), data, control = glm.control(epsilon = 1e-14, maxit = 200))
theta <- theta.ml(data$patents, fitted(counts), limit = 100, eps = 1e-14)
keep("negative_binomial", "estimate", c(coef(counts), alpha = 1 / as.numeric(theta)))
keep("negative_binomial", "classical", c(sqrt(diag(vcov(counts))), alpha = attr(theta, "SE") / as.numeric(theta)^2))
keep("negative_binomial", "cluster", sqrt(diag(vcovCL(counts, cluster = data$firm))))
keep("negative_binomial", "fit", logLik(counts), "log_likelihood")

# Average adjusted predictions with delta-method standard errors (clustered), gradients by central differences.
average <- function(fit, cov, params, predict_at) {
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
single <- at_form("single")
interrupted <- at_form("interrupted")
record <- function(model, values) keep(model, "hybrid minus others", values, names(values))
difference <- function(response) function(b) {
  mean(response(hybrid, b)) - (mean(response(single, b)) + mean(response(interrupted, b))) / 2
}
record("ols", average(ols, vcovCL(ols, cluster = data$firm), coef(ols), difference(function(m, b) m %*% b)))
record("logit", average(logit, vcovCL(logit, cluster = data$firm), coef(logit),
       difference(function(m, b) plogis(m %*% b))))
record("ordered_logit", average(ordered, vcovCL(ordered, cluster = data$firm), both,
       difference(function(m, b) plogis(m[, -1] %*% b[seq_len(ncol(m) - 1)] - b[ncol(m) + 2]))))
record("negative_binomial", average(counts, vcovCL(counts, cluster = data$firm), coef(counts),
       difference(function(m, b) exp(m %*% b))))

write.csv(results, "values.csv", row.names = FALSE, quote = TRUE, eol = "\n")
